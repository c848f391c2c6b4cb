// outage.mjs: Redis is killed while somebody uses the shop, and comes back.
//
// Environment: SHOP_URL.

import assert from "node:assert/strict"
import { ask } from "../script/ask.mjs"
import { step } from "../script/step.mjs"
import { person, start } from "./chromium.mjs"
import { Storefront } from "./page.mjs"

const credentials = { email: "jane@example.com", password: "correct horse battery staple" }
const tryAgain = "Service temporarily unavailable. Try again in 1 second."

const browser = await start()
const jane = await person(browser)
const newcomer = await person(browser)
const shop = new Storefront(jane.page)
const entrance = new Storefront(newcomer.page)

await step("Jane is logged in, somebody else is about to", async () => {
  jane.expect(401)
  newcomer.expect(401)
  await shop.open()
  await shop.register({ first_name: "Jane", ...credentials })
  await shop.shows("account")
  await entrance.open()
  await entrance.shows("login")
})
const cookies = await jane.context.cookies()

await step("Redis is killed: the page says to try again, and does not pretend that Jane is logged out", async () => {
  await ask("kill redis")
  jane.expect(503)
  newcomer.expect(503)
  await jane.page.reload()
  await shop.says(tryAgain)
  await shop.retry()
  await shop.says(tryAgain)
  assert.equal(await shop.visible("view-login"), false)
  await entrance.login(credentials)
  await entrance.says(tryAgain)
  assert.deepEqual(await jane.context.cookies(), cookies)
  assert.deepEqual(await newcomer.context.cookies(), [])
})

await step("Redis is back: the button is enough", async () => {
  await ask("restart redis")
  while (!await shop.visible("view-account")) { // the first connections may still be the dead ones
    await shop.retry()
    await shop.atRest()
  }
  assert.equal(await shop.text("account-name"), "Jane")
  await jane.page.getByTestId("products").getByText("Harbour Tea").waitFor()
  assert.deepEqual(await jane.context.cookies(), cookies)
  jane.expect()
  await jane.page.reload()
  await shop.shows("account")
  await entrance.login(credentials)
  await entrance.shows("account")
  await shop.logout()
  await shop.shows("login")
})

await step("nothing went wrong in the pages", () => {
  jane.quiet()
  newcomer.quiet()
})
await browser.close()
