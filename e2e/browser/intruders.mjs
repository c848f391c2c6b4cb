// intruders.mjs: pages of other sites, opened in a browser that is logged in,
// try to act as the person. A page of the shop's own may.
//
// Environment: API, the origin that the sidecar answers for; HOME_PAGE, a page
// from which the shop works; INTRUDERS, origins of others, separated by spaces.

import assert from "node:assert/strict"
import { ask } from "../script/ask.mjs"
import { step } from "../script/step.mjs"
import { start } from "./chromium.mjs"

const { API: api, HOME_PAGE: home } = process.env
const intruders = process.env.INTRUDERS.split(" ")
const elsewhere = new URL(home).origin !== api
const me = "/store/customers/me"
const credentials = { email: "jane@example.com", password: "correct horse battery staple" }

const browser = await start()
const window = await browser.newContext({ ignoreHTTPSErrors: true })
const shopPage = await window.newPage()
await shopPage.goto(home)

/** Sends a request from a page, with cookies, and returns what the page gets to see. */
function send(page, method, path, { body, token, mode = "cors", type = "application/json" } = {}) {
  return page.evaluate(async ([url, init]) => {
    try {
      const response = await fetch(url, { ...init, credentials: "include" })
      const text = await response.text()
      return { status: response.status, body: text && JSON.parse(text) }
    } catch (error) {
      return { failed: error.name }
    }
  }, [api + path, {
    method, mode, body: body && JSON.stringify(body),
    headers: { "content-type": type, ...(token && { authorization: `Bearer ${token}` }) },
  }])
}

/** Sends a request from the shop's page and returns the body of the answer. */
async function succeed(method, path, options) {
  const { status, body, failed } = await send(shopPage, method, path, options)
  assert.equal(status, 200, `${method} ${path}: ${failed ?? JSON.stringify(body)}`)
  return body
}

const sessionCookie = async () => (await window.cookies(api)).find(({ name }) => name === "connect.sid")

await step("the shop's page registers, logs in and writes", async () => {
  const { token } = await succeed("POST", "/auth/customer/emailpass/register", { body: credentials })
  await succeed("POST", "/store/customers", { token, body: { email: credentials.email } })
  const login = await succeed("POST", "/auth/customer/emailpass", { body: credentials })
  const { user } = await succeed("POST", "/auth/session", { token: login.token })
  assert.match(user.actor_id, /^cus_/)
  const cookie = await sessionCookie()
  assert.equal(cookie.httpOnly, true)
  assert.deepEqual([cookie.secure, cookie.sameSite], elsewhere ? [true, "None"] : [false, "Lax"])
  const { customer } = await succeed("POST", me, { body: { first_name: "Jane" } })
  assert.equal(customer.first_name, "Jane")
  assert.ok((await succeed("POST", "/auth/token/refresh")).token)
})
const { value: session } = await sessionCookie()

const seen = {}
for (const intruder of intruders) {
  await step(`a page of ${intruder} achieves nothing`, async () => {
    const page = await window.newPage()
    await page.goto(intruder)
    const answers = []
    page.on("response", (response) => {
      if (response.request().method() !== "OPTIONS") {
        answers.push({ method: response.request().method(), status: response.status() })
      }
    })

    // What a page may send only after asking is not sent, and nothing can be read.
    for (const [method, path, body] of [
      ["DELETE", "/auth/session"], ["POST", me, { first_name: "Mallory" }], ["POST", "/auth/token/refresh"], ["GET", me],
    ]) {
      assert.deepEqual(await send(page, method, path, { body }), { failed: "TypeError" }, `${method} ${path}`)
    }
    assert.deepEqual(answers.filter(({ method }) => method !== "GET"), [])

    // What a page may send without asking is refused.
    for (const path of [me, "/auth/token/refresh"]) {
      await send(page, "POST", path, { mode: "no-cors", type: "text/plain" })
    }
    const sent = answers.filter(({ method }) => method === "POST").map(({ status }) => status)

    // So is a form, with which a browser sends cookies that a script's request may lack.
    const [shown] = await Promise.all([
      page.waitForNavigation(),
      page.evaluate((action) => {
        const form = document.createElement("form")
        Object.assign(form, { method: "post", action })
        document.body.append(form)
        form.submit()
      }, api + me),
    ])
    seen[new URL(intruder).hostname] = [...sent, shown.status()]
    await page.close()
  })
}

// 403 is the answer to a request with the cookie, 401 to one for which the
// browser itself has withheld it.
await step("the requests were refused", () => {
  for (const [host, statuses] of Object.entries(JSON.parse(process.env.REFUSALS))) {
    assert.match(seen[host].join(" "), new RegExp(`^${statuses}$`), host)
  }
})

await step("Jane is still logged in, and still Jane", async () => {
  assert.equal((await sessionCookie()).value, session)
  assert.equal((await succeed("GET", me)).customer.first_name, "Jane")
})

if (elsewhere) {
  await step("a shop's page elsewhere is told when to try again", async () => {
    await ask("kill redis")
    const refused = { status: 503, body: { type: "unavailable", message: "Service temporarily unavailable" } }
    assert.deepEqual(await send(shopPage, "GET", me), refused)
    assert.deepEqual(await send(shopPage, "POST", "/auth/token/refresh"), refused)
    await ask("restart redis")
    await shopPage.waitForFunction((url) =>
      fetch(url, { credentials: "include" }).then(({ ok }) => ok), api + me)
  })
}

await step("the shop's page logs out", async () => {
  assert.deepEqual(await succeed("DELETE", "/auth/session"), { success: true })
  assert.equal(await sessionCookie(), undefined)
  assert.deepEqual(await send(shopPage, "GET", me), { status: 401, body: { message: "Unauthorized" } })
})
await browser.close()
