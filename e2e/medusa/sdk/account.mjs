// account.mjs: every method of sdk.auth, for an actor type.
//
// Environment: ACTOR, customer or user; ALONE, set when there is no sidecar
// before Medusa.

import assert from "node:assert/strict"
import { ask } from "../script/ask.mjs"
import { step } from "../script/step.mjs"
import { Browser, address, bearer, bearing, claims, inSessions, refused } from "../shop/shop.mjs"
import { allUsed, watched } from "./methods.mjs"

const actor = process.env.ACTOR
const protectedBySidecar = !process.env.ALONE
const email = address(actor)
const password = "correct horse battery staple"
const changed = "another horse, другая лошадь 🐎"
const browser = new Browser()
const sdk = watched(browser.page())
const wrongPassword = "Invalid email or password"
const providers = [{
  id: "emailpass", identifier: "emailpass", display_name: "Email/Password Authentication", flow: "credentials",
}]

// In session mode the SDK keeps no token: a token that is not a session yet goes along by hand.
const along = (token) => (inSessions ? bearer(token) : {})
const { create, me } = {
  customer: {
    create: async (token) => (await sdk.store.customer.create({ email, first_name: "Zoë" }, {}, along(token))).customer,
    me: async (page = sdk) => (await page.store.customer.retrieve()).customer,
  },
  user: {
    create: async (token) => (await sdk.admin.invite.accept(
      { invite_token: await ask("invite", email), email, first_name: "Zoë" }, {}, along(token))).user,
    me: async (page = sdk) => (await page.admin.user.me()).user,
  },
}[actor]

await step("nobody is logged in", async () => {
  await refused(me(), 401, "Unauthorized")
  await refused(sdk.auth.refresh(), 401, "Unauthorized")
  await refused(sdk.auth.login(actor, "emailpass", { email, password }), 401, wrongPassword)
})

await step("list the providers", async () => {
  assert.deepEqual(await sdk.auth.listProviders(actor), { providers })
})

const registration = await step("register", async () => {
  const token = await sdk.auth.register(actor, "emailpass", { email, password })
  const { actor_id, actor_type, auth_provider, app_metadata, user_metadata, iat, exp } = claims(token)
  assert.deepEqual({ actor_id, actor_type, auth_provider, app_metadata, user_metadata, life: exp - iat },
    { actor_id: "", actor_type: actor, auth_provider: "emailpass", app_metadata: {}, user_metadata: {}, life: 86400 })
  await refused(me(bearing(token)), 401, "Unauthorized")
  return token
})

const person = await step(`become a ${actor}`, async () => {
  const person = await create(registration)
  assert.equal(person.email, email)
  assert.equal(person.first_name, "Zoë")
  await refused(me(bearing(registration)), 401, "Unauthorized") // the token has no actor yet
  return person
})

await step("refresh: the token has the actor, and the session too", async () => {
  const { token } = await sdk.auth.refresh(along(registration))
  const { actor_id, app_metadata, auth_identity_id } = claims(token)
  assert.deepEqual({ actor_id, app_metadata, auth_identity_id }, {
    actor_id: person.id, app_metadata: { [`${actor}_id`]: person.id }, auth_identity_id: claims(registration).auth_identity_id,
  })
  assert.equal((await me()).id, person.id)
  assert.equal(claims((await sdk.auth.refresh()).token).actor_id, person.id)
  assert.equal((await me()).id, person.id)
})

await step("the address is taken", () =>
  refused(sdk.auth.register(actor, "emailpass", { email, password }), 401, "Identity with email already exists"))

await step("log out", async () => {
  await sdk.auth.logout()
  await refused(me(), 401, "Unauthorized")
  assert.deepEqual((await browser.cookies()).filter(({ value }) => value), [])
})

const login = await step("log in", async () => {
  await refused(sdk.auth.login(actor, "emailpass", { email, password: "wrong" }), 401, wrongPassword)
  const token = await sdk.auth.login(actor, "emailpass", { email, password })
  assert.equal(claims(token).actor_id, person.id)
  assert.equal((await me()).id, person.id)
  return token
})

await step("a callback, and a user for a provider that has none", async () => {
  await refused(sdk.auth.callback(actor, "emailpass", { code: "1", state: "2" }), 401,
    "Callback authentication not implemented for provider emailpass")
  await refused(sdk.auth.createUser("emailpass", along(login)), ...actor === "user"
    ? [400, "The user is already registered and cannot create a new account."] : [401, "Unauthorized"])
})

await step("a second factor, where that is not set up", async () => {
  const { mfa } = sdk.auth
  assert.deepEqual(await mfa.list(), { mfa_factors: [] })
  await refused(mfa.start({ provider: "totp" }), 400, "MFA encryption key is required to use MFA methods")
  await refused(mfa.verify("authmfa_1", { code: "123456" }), 404, 'MFA factor with id "authmfa_1" was not found')
  await refused(mfa.disable("authmfa_1"), 404, 'MFA factor with id "authmfa_1" was not found')
  await refused(mfa.generateRecoveryCodes(), 400, "Recovery codes require an enabled MFA factor")
  await refused(mfa.verifyChallenge("authmfachal_1", { method: "totp", code: "123456" }), 404,
    'MFA challenge with id "authmfachal_1" was not found')
})

await step("a verification that nobody has asked for", () =>
  refused(sdk.auth.verification.confirm({ code: "123456" }), 400, "Verification code is invalid or already used"))

const elsewhere = new Browser().page() // logged in when the password changes
const token = await step("ask for a new password: the shop's subscriber is told", async () => {
  await elsewhere.auth.login(actor, "emailpass", { email, password })
  await sdk.auth.resetPassword(actor, "emailpass", { identifier: address("nobody") }) // answered alike
  await sdk.auth.resetPassword(actor, "emailpass", { identifier: email, metadata: { language: "fr" } })
  const { token, ...data } = await ask("reset", email)
  assert.deepEqual(data, { entity_id: email, actor_type: actor, metadata: { language: "fr" } })
  const { purpose, entity_id, actor_type, provider, iat, exp } = claims(token)
  assert.deepEqual({ purpose, entity_id, actor_type, provider, life: exp - iat },
    { purpose: "reset", entity_id: email, actor_type: actor, provider: "emailpass", life: 15 * 60 })
  assert.equal((await me()).id, person.id) // asking changes nothing
  await refused(me(bearing(token)), 401, "Unauthorized")
  return token
})

await step("update the provider: only with the event's token, and once", async () => {
  const update = (token) => sdk.auth.updateProvider(actor, "emailpass", { password: changed }, token)
  await refused(update(registration), 401, "Invalid token")
  await update(token)
  await refused(update(token), 401, "Invalid token")
})

if (protectedBySidecar) {
  await step("who knew the old password is logged out", async () => {
    await refused(me(), 401, "Unauthorized")
    await refused(me(elsewhere), 401, "Unauthorized")
    await refused(me(bearing(registration)), 401, "Unauthorized")
  })
}

await step("the new password works, the old one does not", async () => {
  await refused(sdk.auth.login(actor, "emailpass", { email, password }), 401, wrongPassword)
  const token = await sdk.auth.login(actor, "emailpass", { email, password: changed })
  assert.equal(claims(token).actor_id, person.id)
  assert.equal((await me()).id, person.id)
})

await step("ask for a verification", async () => {
  const request = () => sdk.auth.verification.request({ entity_id: email, entity_type: "email" })
  if (protectedBySidecar) {
    await refused(request(), 400, "Verification is not available")
  } else {
    assert.equal((await request()).verification.entity_id, email)
  }
})

await step("nothing was left out", () => allUsed("store.customer"))
