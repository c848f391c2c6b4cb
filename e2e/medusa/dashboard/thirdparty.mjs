// thirdparty.mjs: staff log in to the dashboard by an account elsewhere, in a real
// browser.
//
// Environment: SHOP_URL; STAFF, the provider's name; HAD, the address of an admin
// whom Medusa knows; NEW, of one whom nobody knows; UNVERIFIED, of one for whom
// the provider does not vouch; CUSTOMER_EMAIL, of a customer.

import assert from "node:assert/strict"
import { ask } from "../script/ask.mjs"
import { step } from "../script/step.mjs"
import { start } from "../browser/chromium.mjs"
import { Dashboard } from "./page.mjs"

const { STAFF: staff, HAD: had, NEW: fresh, UNVERIFIED: unverified, CUSTOMER_EMAIL: customer } = process.env
const browser = await start()
const grace = await Dashboard.open(browser)

await step("who cancels is back at the login page", async () => {
  await grace.visit()
  await grace.at("/login")
  await grace.continueWith(staff)
  await grace.press("Cancel")
  await grace.says("Authentication failed")
  await grace.at("/login")
  assert.deepEqual(await grace.sessions(), [])
})

await step("somebody new becomes a user", async () => {
  await grace.loginWith(staff, fresh)
  await grace.at("/orders")
  await grace.visit("/customers")
  await grace.says(customer)
  await grace.visit("/settings/profile")
  await grace.says(fresh)
})

await step("the next time she is the same", async () => {
  await grace.logout()
  await grace.at("/login")
  await grace.loginWith(staff, fresh)
  await grace.at("/orders")
  await grace.visit("/settings/profile")
  await grace.says(fresh)
})

await step("an admin whom Medusa knows is that admin", async () => {
  const ada = await Dashboard.open(browser)
  await ada.visit("/login")
  await ada.loginWith(staff, had)
  await ada.at("/orders")
  await ada.visit("/settings/profile")
  await ada.says(had)
  assert.deepEqual(ada.refusals(), [])
})

await step("an address that nobody vouches for makes no user", async () => {
  await ask("unverified", "yes")
  for (const email of [unverified, had]) {
    const mallory = await Dashboard.open(browser)
    await mallory.visit("/login")
    await mallory.loginWith(staff, email, { name: "Mallory" })
    if (email === had) { // known by the provider's id, whatever the address
      await mallory.at("/orders")
    } else {
      await mallory.says("Email is required to create a user account.")
      await mallory.at("/login")
      await mallory.visit("/customers")
      await mallory.at("/login")
    }
  }
  await ask("unverified", "no")
})

await step("nothing else was refused", () =>
  assert.deepEqual(grace.refusals(), ["GET /admin/users/me 401", "GET /auth/user/sso/callback 401"]))
await browser.close()
