// customer.mjs: the life of a customer's account, by the official SDK.

import assert from "node:assert/strict"
import { Webhook } from "standardwebhooks"
import { ask } from "../script/ask.mjs"
import { step } from "../script/step.mjs"
import { Browser, address, bearer, bearing, claims, inSessions, refused } from "./shop.mjs"

const browser = new Browser()
const sdk = browser.page()
const email = address("customer")
const password = "correct horse battery staple"
const changed = "another horse, другая лошадь 🐎"
const wrongPassword = "Invalid email or password"

// In session mode the SDK keeps no token: a token that is not a session yet goes along by hand.
const along = (token) => (inSessions ? bearer(token) : {})
const me = async (page = sdk) => (await page.store.customer.retrieve()).customer
const sessionCookie = async () => (await browser.cookies()).find((cookie) => cookie.key === "connect.sid")

/** Returns the token with another signature. */
const altered = (token) => token.replace(/\.(.)([^.]*)$/, (_, first, rest) => `.${first === "A" ? "B" : "A"}${rest}`)

const registration = await step("register", async () => {
  const token = await sdk.auth.register("customer", "emailpass", { email, password })
  const { actor_id, actor_type, auth_identity_id, auth_provider, app_metadata, iat, exp } = claims(token)
  assert.deepEqual({ actor_id, actor_type, auth_provider, app_metadata },
    { actor_id: "", actor_type: "customer", auth_provider: "emailpass", app_metadata: {} })
  assert.match(auth_identity_id, /^authid_[0-9A-HJKMNP-TV-Z]{26}$/)
  assert.equal(exp - iat, 24 * 60 * 60)
  assert.deepEqual(await browser.cookies(), [])
  await refused(sdk.store.customer.retrieve({}, along(token)), 401, "Unauthorized")
  return token
})

const customer = await step("create the customer", async () => {
  const { customer } = await sdk.store.customer.create({ email, first_name: "Zoë" }, {}, along(registration))
  assert.match(customer.id, /^cus_/)
  assert.equal(customer.email, email)
  await refused(sdk.store.customer.retrieve({}, along(registration)), 401, "Unauthorized") // the token has no actor yet
  return customer
})

const refreshed = await step("refresh: the token has the customer, and the session too", async () => {
  const { token } = await sdk.auth.refresh(along(registration))
  const { actor_id, auth_identity_id, app_metadata } = claims(token)
  assert.deepEqual({ actor_id, auth_identity_id, app_metadata }, {
    actor_id: customer.id,
    auth_identity_id: claims(registration).auth_identity_id,
    app_metadata: { customer_id: customer.id },
  })
  assert.deepEqual(await me(), customer)
  if (inSessions) {
    const cookie = await sessionCookie()
    assert.equal(cookie.httpOnly, true)
    assert.equal(cookie.path, "/")
    await sdk.auth.refresh() // by the session alone
    assert.notEqual((await sessionCookie()).value, cookie.value) // a session of its own
    assert.deepEqual(await me(), customer)
  } else {
    assert.equal(await sdk.client.getToken(), token)
  }
  return token
})

await step("update", async () => {
  const { customer: updated } = await sdk.store.customer.update({ first_name: "Chloë", phone: "+49 30 1234" })
  assert.equal(updated.first_name, "Chloë")
  assert.deepEqual(await me(), updated)
})

await step("a wrong password and an unknown address are refused alike, and log nobody out", async () => {
  await refused(sdk.auth.login("customer", "emailpass", { email, password: "wrong" }), 401, wrongPassword)
  await refused(sdk.auth.login("customer", "emailpass", { email: address("nobody"), password }), 401, wrongPassword)
  assert.equal((await me()).id, customer.id)
})

await step("emailpass has no callback", () =>
  refused(sdk.auth.callback("customer", "emailpass", { code: "1", state: "2" }), 401,
    "Callback authentication not implemented for provider emailpass"))

await step("list the providers", async () => {
  for (const actor of ["customer", "user"]) {
    assert.deepEqual(await sdk.auth.listProviders(actor), {
      providers: [{
        id: "emailpass", identifier: "emailpass", display_name: "Email/Password Authentication", flow: "credentials",
      }],
    })
  }
})

const oldCookie = await sessionCookie()
const elsewhere = new Browser().page() // logged in when the password changes

const resetToken = await step("ask for a new password: the shop is told, by webhook and by stream", async () => {
  await elsewhere.auth.login("customer", "emailpass", { email, password })
  const unknown = address("nobody")
  await sdk.auth.resetPassword("customer", "emailpass", { identifier: unknown }) // answered alike
  await sdk.auth.resetPassword("customer", "emailpass", { identifier: email, metadata: { language: "fr" } })

  const { headers, body } = await ask("webhook", email)
  const event = new Webhook(process.env.WEBHOOK_SECRET).verify(body, headers)
  const { token, ...data } = event.data
  assert.deepEqual({ name: event.name, data }, {
    name: "auth.password_reset",
    data: { entity_id: email, actor_type: "customer", metadata: { language: "fr" }, provider: "emailpass" },
  })
  const { purpose, entity_id, actor_type, provider, iat, exp } = claims(token) // Medusa's dashboard reads them
  assert.deepEqual({ purpose, entity_id, actor_type, provider, life: exp - iat },
    { purpose: "reset", entity_id: email, actor_type: "customer", provider: "emailpass", life: 15 * 60 })

  const entry = await ask("stream", email)
  assert.equal(entry.name, event.name)
  assert.equal(entry.id, headers["webhook-id"])
  assert.deepEqual(JSON.parse(entry.data), event.data)
  assert.equal(await ask("stream length of", unknown), 0)

  assert.equal((await me()).id, customer.id) // asking changes nothing
  await refused(bearing(token).store.customer.retrieve(), 401, "Unauthorized") // it is for one thing only
  return token
})

await step("update the provider: only with the token of the reset, and once", async () => {
  const update = (token, body = { password: changed }) => sdk.auth.updateProvider("customer", "emailpass", body, token)
  for (const token of [refreshed, registration, "garbage", altered(resetToken)]) {
    await refused(update(token), 401, "Invalid token")
  }
  await refused(sdk.auth.updateProvider("user", "emailpass", { password: changed }, resetToken), 401, "Invalid token")
  await update(resetToken, { email, password: changed })
  await refused(update(resetToken), 401, "Invalid token")
})

await step("the old password, tokens and sessions are refused", async () => {
  await refused(sdk.auth.login("customer", "emailpass", { email, password }), 401, wrongPassword)
  await refused(sdk.store.customer.retrieve(), 401, "Unauthorized")
  await refused(elsewhere.store.customer.retrieve(), 401, "Unauthorized")
  await refused(bearing(refreshed).store.customer.retrieve(), 401, "Unauthorized")
  await refused(elsewhere.auth.refresh(), 401, "Unauthorized")
  await refused(bearing(registration).auth.refresh(), 401, "Unauthorized")
})

await step("the new password works", async () => {
  const token = await sdk.auth.login("customer", "emailpass", { email, password: changed })
  assert.equal(claims(token).actor_id, customer.id)
  assert.equal((await me()).first_name, "Chloë")
})

await step("log out", async () => {
  const cookie = await sessionCookie()
  await sdk.auth.logout()
  await refused(sdk.store.customer.retrieve(), 401, "Unauthorized")
  if (inSessions) {
    assert.deepEqual(await browser.cookies(), [])
    await refused(sdk.auth.logout(), 401, "Unauthorized")
    for (const dead of [cookie, oldCookie]) { // also for somebody who has copied it
      const thief = new Browser()
      await thief.put(dead)
      await refused(thief.page().store.customer.retrieve(), 401, "Unauthorized")
    }
  } else {
    assert.equal(await sdk.client.getToken(), "")
  }
})
