// signin.mjs: somebody signs in at the demo's OpenID provider, in a real browser.
//
// Environment: SHOP_URL.

import assert from "node:assert/strict"
import { step } from "../script/step.mjs"
import { person, start } from "./chromium.mjs"
import { Storefront } from "./page.mjs"

const browser = await start()
const grace = await person(browser)
const shop = new Storefront(grace.page)
const visited = []
grace.page.on("framenavigated", (frame) => visited.push(frame.url()))
let customer

await step("who cancels is told so, and is not logged in", async () => {
  grace.expect(401)
  await shop.open()
  await shop.shows("login")
  await shop.signInWith("demo", "Cancel")
  await shop.says("The person did not want to, read more at: undefined")
  assert.equal(await shop.visible("view-login"), true)
})

await step("the first time, she becomes a customer", async () => {
  await shop.signInWith("demo", "Grace Hopper")
  await shop.shows("account")
  assert.equal(await shop.text("status"), "You are logged in.")
  assert.equal(await shop.text("account-email"), "grace@example.com")
  customer = await shop.text("account-id")
  assert.match(customer, /^cus_/)
})

await step("nothing of it stays in the address, the history, or where scripts can read", async () => {
  assert.equal(grace.page.url(), `${process.env.SHOP_URL}/#account`)
  assert.deepEqual(await shop.stored(), { cookie: "", localStorage: 0, sessionStorage: 0, databases: 0 })
})

await step("the next time, she is the same", async () => {
  await shop.logout()
  await shop.shows("login")
  await shop.signInWith("demo", "Grace Hopper")
  await shop.shows("account")
  assert.equal(await shop.text("account-id"), customer)
})

const used = visited.findLast((url) => url.includes("code="))
await step("the address she came back with is good once: she stays who she is (D4, D5)", async () => {
  const [before] = (await grace.context.cookies()).filter(({ name }) => name === "connect.sid")
  await grace.page.goto(used)
  await shop.says("No state provided, or session expired")
  assert.equal(await shop.text("account-id"), customer)
  const [after] = (await grace.context.cookies()).filter(({ name }) => name === "connect.sid")
  assert.equal(after.value, before.value)
})

await step("two tabs: both come back", async () => {
  await shop.logout()
  await shop.shows("login")
  const tab = await grace.context.newPage()
  const second = new Storefront(tab)
  await second.open()
  await second.shows("login")
  await Promise.all([grace.page, tab].map((page) => page.getByTestId("sign-in-demo").click()))
  await tab.getByRole("button", { name: "Grace Hopper" }).click()
  await second.shows("account")
  await grace.page.bringToFront()
  await grace.page.getByRole("button", { name: "Grace Hopper" }).click()
  await shop.shows("account")
  assert.equal(await shop.text("account-id"), customer)
})

await step("an address made by somebody else logs nobody in (D3)", async () => {
  const mallory = await person(browser)
  mallory.expect(401)
  const page = new Storefront(mallory.page)
  await page.open()
  await page.shows("login")
  await mallory.page.route("**/auth/customer/demo/callback*", (route) => route.abort()) // keeps the code unused
  await page.signInWith("demo", "Alan Turing")
  const [request] = await Promise.all([
    mallory.page.waitForRequest("**/auth/customer/demo/callback*"),
  ])
  const bait = `${process.env.SHOP_URL}/?auth_provider=demo&${new URL(request.url()).searchParams}`

  const victim = await person(browser)
  victim.expect(401)
  const trapped = new Storefront(victim.page)
  await victim.page.goto(bait)
  await trapped.says("No state provided, or session expired")
  assert.equal(await trapped.visible("view-login"), true)
  assert.deepEqual((await victim.context.cookies()).filter(({ name }) => name === "connect.sid"), [])
  victim.quiet()
})

await step("nothing went wrong in the pages", () => grace.quiet())
await browser.close()
