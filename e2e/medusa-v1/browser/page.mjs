// page.mjs: a page of another origin uses a shop by fetch with the browser's own
// cookie, and a page of an origin that is not listed does not.
//
// Environment: SHOP_URL; PAGE, a page of a listed origin; STRANGER, one of another;
// EMAIL and PASSWORD of a customer of old who has the order ORDER.

import assert from "node:assert/strict"
import { step } from "../script/step.mjs"
import { person, start } from "../browser/chromium.mjs"

const { SHOP_URL: shop, PAGE, STRANGER, EMAIL: email, PASSWORD: password, ORDER } = process.env
const browser = await start()
const jane = await person(browser)

/** Calls a route as the page's own script does. */
const call = (method, path, body) => jane.page.evaluate(async ([url, method, body]) => {
  try {
    const response = await fetch(url, {
      method, credentials: "include", headers: { "Content-Type": "application/json" }, body: body && JSON.stringify(body),
    })
    const text = await response.text()
    return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : text }
  } catch (error) {
    return { status: 0, body: String(error) }
  }
}, [shop + path, method, body])
const cookies = async () => (await jane.context.cookies(shop)).filter(({ name }) => name === "connect.sid")

await step("log in from a page of another origin", async () => {
  jane.expect(401)
  await jane.page.goto(PAGE)
  assert.equal((await call("GET", "/store/auth")).status, 401)
  assert.deepEqual(await cookies(), [])
  assert.equal((await call("POST", "/store/auth", { email, password: "wrong" })).status, 401)
  const { status, body } = await call("POST", "/store/auth", { email, password })
  assert.deepEqual([status, body.customer?.email], [200, email])
  const [{ httpOnly, path }] = await cookies()
  assert.deepEqual([httpOnly, path, await jane.page.evaluate(() => document.cookie)], [true, "/", ""])
})

await step("the cookie opens what is the customer's, and stays the same", async () => {
  const [{ value }] = await cookies()
  const { status, body } = await call("GET", "/store/customers/me/orders")
  assert.deepEqual([status, body.orders.map(({ id }) => id)], [200, [ORDER]])
  assert.equal((await call("POST", "/store/customers/me", { first_name: "Janet" })).body.customer.first_name, "Janet")
  assert.equal((await call("GET", "/store/products")).status, 200)
  assert.equal((await cookies())[0].value, value) // Medusa's own did not replace it
})

await step("a page of a stranger cannot read or do anything with it", async () => {
  const theirs = await jane.context.newPage()
  await theirs.goto(STRANGER)
  const attempt = (method, path, type, body) => theirs.evaluate(async ([url, method, type, body]) => {
    try {
      const response = await fetch(url, { method, credentials: "include", headers: type ? { "Content-Type": type } : {}, body })
      return { status: response.status, text: await response.text() }
    } catch (error) {
      return { status: 0, text: String(error) }
    }
  }, [shop + path, method, type, body])
  for (const [method, path, type, body] of [
    ["GET", "/store/auth"], ["GET", "/store/customers/me"], ["POST", "/store/customers/me", "application/json", `{"first_name":"Eve"}`],
    ["POST", "/store/customers/me", "text/plain", `{"first_name":"Eve"}`], ["DELETE", "/store/auth"],
  ]) {
    const { status, text } = await attempt(method, path, type, body)
    assert.equal(status, 0, `${method} ${path}: ${status} ${text}`)
  }
  assert.equal((await call("GET", "/store/customers/me")).body.customer.first_name, "Janet")
  await theirs.close()
})

await step("log out, for good", async () => {
  const [stolen] = await cookies()
  assert.equal((await call("DELETE", "/store/auth", {})).status, 200)
  assert.deepEqual(await cookies(), [])
  await jane.context.addCookies([stolen])
  assert.equal((await call("GET", "/store/customers/me/orders")).status, 401)
})
await browser.close()
