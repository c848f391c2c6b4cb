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
  await shop.says("You were not logged in.")
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

await step("who has an account already logs in with its password and links the two", async () => {
  const email = "alan@example.com"
  const password = "correct horse battery staple"
  const alan = await person(browser)
  alan.expect(401)
  const page = new Storefront(alan.page)
  await page.open()
  await page.register({ first_name: "Alan", last_name: "Turing", email, password })
  await page.shows("account")
  const known = await page.text("account-id")
  await page.logout()
  await page.shows("login")

  alan.expect(401, 422)
  await page.signInWith("demo", "Alan Turing")
  await page.says("Customer with this email already has an account. Log in with its password, and link the two in your account.")
  assert.equal(await page.visible("view-login"), true)
  alan.expect(401)
  await page.login({ email, password })
  await page.shows("account")
  await page.link("demo", "Cancel")
  await page.says("The account was not linked.")
  assert.equal(await page.visible("view-account"), true)
  await page.link("demo", "Alan Turing")
  await alan.page.getByTestId("status").filter({ hasText: "The account was linked." }).waitFor()
  await page.shows("account")
  assert.equal(await page.text("account-id"), known)
  assert.equal(alan.page.url(), `${process.env.SHOP_URL}/#account`)

  await page.logout()
  await page.shows("login")
  await page.signInWith("demo", "Alan Turing")
  await page.shows("account")
  assert.equal(await page.text("status"), "You are logged in.")
  assert.deepEqual([await page.text("account-id"), await page.text("account-email")], [known, email])
  alan.quiet()
})

await step("what belongs to somebody is not linked to another", async () => {
  const eve = await person(browser)
  const page = new Storefront(eve.page)
  eve.expect(400, 401)
  await page.open()
  await page.register({ email: "eve@example.com", password: "correct horse battery staple" })
  await page.shows("account")
  const own = await page.text("account-id")
  await page.link("demo", "Grace Hopper")
  await page.says("The demo account belongs to another identity")
  assert.equal(await page.text("account-id"), own)
  eve.quiet()
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
