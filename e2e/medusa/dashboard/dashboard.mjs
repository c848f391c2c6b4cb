// dashboard.mjs: what admins do in the dashboard that Medusa serves at /app, in
// a real browser.
//
// Environment: SHOP_URL; ADMIN_EMAIL and ADMIN_PASSWORD of an admin whom Medusa
// knows; CUSTOMER_EMAIL, of a customer; ALONE, set when there is no sidecar.

import assert from "node:assert/strict"
import { randomUUID } from "node:crypto"
import { ask } from "../script/ask.mjs"
import { step } from "../script/step.mjs"
import { start } from "../browser/chromium.mjs"
import { Dashboard } from "./page.mjs"

const { ADMIN_EMAIL: email, ADMIN_PASSWORD: password, CUSTOMER_EMAIL: customer, ALONE: alone } = process.env
const browser = await start()
const ada = await Dashboard.open(browser)

await step("a wrong password shows Medusa's message", async () => {
  await ada.visit()
  await ada.at("/login")
  await ada.login(email, "wrong")
  await ada.says("Invalid email or password")
  assert.deepEqual(await ada.sessions(), [])
})

await step("log in", async () => {
  await ada.login(email, password)
  await ada.at("/orders")
  const [cookie] = await ada.sessions()
  assert.equal(cookie.httpOnly, true)
})

await step("a page of data, also when it is opened anew", async () => {
  await ada.visit("/customers")
  await ada.says(customer)
  await ada.reload()
  await ada.says(customer)
})

await step("log out, for good", async () => {
  const cookies = await ada.sessions()
  await ada.logout()
  await ada.at("/login")
  assert.deepEqual(await ada.sessions(), [])
  await ada.visit("/customers")
  await ada.at("/login")
  if (!alone) {
    await ada.restore(cookies) // somebody has copied them
    await ada.visit("/customers")
    await ada.at("/login")
  }
})

const newcomer = `grace.${randomUUID()}@example.com`
const grace = await Dashboard.open(browser)

await step("a new admin accepts an invite", async () => {
  await grace.visit(`/invite?token=${await ask("invite", newcomer)}`)
  await grace.fill({ first_name: "Grace", last_name: "Hopper", password, repeat_password: password })
  await grace.press("Create account")
  await grace.says("Your account has been registered")
  await grace.visit()
  await grace.login(newcomer, password)
  await grace.at("/orders")
  await grace.says("Grace Hopper")
})

const changed = "another horse 🐎"
await step("she forgets her password, and sets a new one with the event's token", async () => {
  await grace.logout()
  await grace.at("/login")
  await grace.visit("/reset-password")
  await grace.fill({ email: newcomer })
  await grace.press("Send reset instructions")
  await grace.says("Successfully sent you an email")
  const { token } = await ask("reset", newcomer)
  await grace.visit(`/reset-password?token=${token}`)
  await grace.fill({ password: changed, repeat_password: changed })
  await grace.press("Reset password")
  await grace.says("Password reset successful")
})

await step("the old password is refused, the new one works", async () => {
  await grace.visit("/login")
  await grace.login(newcomer, password)
  await grace.says("Invalid email or password")
  await grace.login(newcomer, changed)
  await grace.at("/orders")
  await grace.visit("/customers")
  await grace.says(customer)
})

await step("nothing else was refused", () => {
  const expected = ["GET /admin/users/me 401", "POST /auth/user/emailpass 401"]
  assert.deepEqual(ada.refusals(), expected)
  assert.deepEqual(grace.refusals(), expected)
})
await browser.close()
