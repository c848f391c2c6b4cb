// storefront.mjs: what a newcomer does with the demo, in a real browser.
//
// Environment: SHOP_URL.

import assert from "node:assert/strict"
import { ask } from "../script/ask.mjs"
import { step } from "../script/step.mjs"
import { person, start } from "./chromium.mjs"
import { Storefront } from "./page.mjs"

const email = "jane@example.com"
const password = "correct horse battery staple"
const changed = "another horse 🐎"

const browser = await start()
const jane = await person(browser)
const shop = new Storefront(jane.page)
const sessionCookies = async () => (await jane.context.cookies()).filter(({ name }) => name === "connect.sid")
const knownBy = "connect.sid.device" // by which an account knows the browser; it outlives log-outs
const otherCookies = async () => (await jane.context.cookies()).filter(({ name }) => name !== knownBy)

await step("open the shop: nobody is logged in", async () => {
  jane.expect(401) // the question who is logged in
  await shop.open()
  await shop.shows("login")
  assert.ok(await jane.page.getByTestId("products").getByRole("listitem").count() > 0)
  assert.deepEqual(await jane.context.cookies(), [])
})

await step("register", async () => {
  jane.expect()
  await shop.register({ first_name: "Jane", last_name: "Doe", email, password })
  await shop.shows("account")
  assert.equal(await shop.text("status"), "You are logged in.")
  assert.equal(await shop.text("account-name"), "Jane Doe")
  assert.equal(await shop.text("account-email"), email)
  assert.match(await shop.text("account-id"), /^cus_/)
})

await step("scripts cannot read the login, and it is stored nowhere else", async () => {
  const cookies = (await jane.context.cookies()).toSorted((a, b) => a.name.length - b.name.length)
  assert.deepEqual(cookies.map(({ name, httpOnly, path }) => ({ name, httpOnly, path })),
    [{ name: "connect.sid", httpOnly: true, path: "/" }, { name: knownBy, httpOnly: true, path: "/" }])
  assert.deepEqual(await shop.stored(), { cookie: "", localStorage: 0, sessionStorage: 0, databases: 0 })
})

await step("reload: still logged in", async () => {
  await jane.page.reload()
  await shop.shows("account")
  assert.equal(await shop.text("account-email"), email)
})

const [stolen] = await sessionCookies()
await step("log out, for good", async () => {
  await shop.logout()
  await shop.shows("login")
  assert.equal(await shop.text("status"), "You are logged out.")
  assert.deepEqual(await otherCookies(), [])
  jane.expect(401)
  await jane.page.reload()
  await shop.shows("login")
  await jane.context.addCookies([stolen])
  await jane.page.reload()
  await shop.shows("login")
  await jane.context.clearCookies()
})

await step("a wrong password", async () => {
  await shop.login({ email, password: "wrong" })
  await shop.says("Invalid email or password")
  assert.deepEqual(await otherCookies(), [])
})

await step("an address that is taken", async () => {
  await shop.register({ email, password: "wrong" })
  await shop.says("Invalid email or password")
})

await step("log in", async () => {
  jane.expect()
  await shop.login({ email, password })
  await shop.shows("account")
  assert.notEqual((await sessionCookies())[0].value, stolen.value)
})

const elsewhere = await step("log in on another device, and forget the password on the first", async () => {
  const device = await person(browser)
  device.expect(401)
  const page = new Storefront(device.page)
  await page.open()
  await page.login({ email, password })
  await page.shows("account")
  await shop.logout()
  await shop.forgot({ email: "nobody@example.com" })
  await shop.forgot({ email })
  return { ...device, page }
})

const link = await ask("reset link")
await step("open the reset link and set a new password", async () => {
  assert.ok(link.startsWith(process.env.SHOP_URL + "/#reset_token="), link)
  jane.page = await jane.context.newPage() // from the mail
  const fresh = new Storefront(jane.page)
  jane.expect(401)
  await jane.page.goto(link)
  await fresh.shows("reset")
  assert.ok(!jane.page.url().includes("token"), "the token stays in the address")
  assert.equal(await jane.page.evaluate(() => history.length), 2) // the blank page, and this one
  await fresh.reset({ password: changed })
  await fresh.shows("login")
  assert.equal(await fresh.text("status"), "The password was changed.")
})

await step("the other device is logged out", async () => {
  await elsewhere.page.open()
  await elsewhere.page.shows("login")
})

await step("the old password is refused, and the link was good once", async () => {
  await shop.open()
  await shop.login({ email, password })
  await shop.says("Invalid email or password")
  await jane.page.goto("about:blank")
  const again = new Storefront(jane.page)
  await jane.page.goto(link)
  await again.shows("reset")
  await again.reset({ password: "third" })
  await again.says("Invalid token")
})

await step("the new password works; log out", async () => {
  jane.expect()
  await shop.login({ email, password: changed })
  await shop.shows("account")
  assert.equal(await shop.text("account-name"), "Jane Doe")
  assert.deepEqual(await shop.stored(), { cookie: "", localStorage: 0, sessionStorage: 0, databases: 0 })
  await shop.logout()
  await shop.shows("login")
  assert.deepEqual(await otherCookies(), [])
})

await step("nothing went wrong in the pages", () => {
  jane.quiet()
  elsewhere.quiet()
})
await browser.close()
