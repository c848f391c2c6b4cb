// thirdparty.mjs: somebody becomes a customer or user by an account elsewhere.
//
// Environment: ACTOR, customer or user; PROVIDER; EMAIL, by which the provider
// knows them. They log in there as well when they were another actor before.

import assert from "node:assert/strict"
import { ask } from "../script/ask.mjs"
import { step } from "../script/step.mjs"
import { Browser, bearer, bearing, claims, inSessions, refused } from "../shop/shop.mjs"

const { ACTOR: actor, PROVIDER: provider, EMAIL: email } = process.env
const browser = new Browser()
const sdk = browser.page()
const me = async (page = sdk) => actor === "user" ? (await page.admin.user.me()).user : (await page.store.customer.retrieve()).customer

/** Logs in at the provider and returns with what it sends the browser back. */
async function visit({ location }) {
  const there = new URL(location)
  there.searchParams.set("login_hint", email)
  const { headers } = await fetch(there, { redirect: "manual" })
  return Object.fromEntries(new URL(headers.get("location")).searchParams)
}

await step("the provider is one to go to", async () => {
  const { providers } = await sdk.auth.listProviders(actor)
  const { flow } = providers.find(({ id }) => id === provider)
  assert.equal(flow, "redirect")
})

await step("who comes back with an error is told so", () =>
  refused(sdk.auth.callback(actor, provider, { error: "access_denied", error_description: "No", error_uri: "x" }), 401, "No, read more at: x"))

const token = await step("log in: nobody yet", async () => {
  const query = await visit(await sdk.auth.login(actor, provider, {}))
  await refused(sdk.auth.callback(actor, provider, { ...query, state: "another" }), 401, "No state provided, or session expired")
  const token = await sdk.auth.callback(actor, provider, query)
  const { actor_id, actor_type, auth_provider, user_metadata } = claims(token)
  assert.deepEqual({ actor_id, actor_type, auth_provider }, { actor_id: "", actor_type: actor, auth_provider: provider })
  assert.equal(user_metadata.email, email)
  await refused(me(), 401, "Unauthorized")
  await refused(new Browser().page().auth.callback(actor, provider, query), 401, "No state provided, or session expired")
  return token
})

// For a customer the session will do; for a user Medusa wants the token.
const create = async (headers = bearer(token)) => actor === "user" ?
  (await sdk.auth.createUser(provider, headers)).user :
  (await sdk.store.customer.create({ email, first_name: "Zoë" })).customer

const person = await step(`become a ${actor}`, async () => {
  const person = await create()
  assert.equal(person.email, email)
  await refused(me(bearing(token)), 401, "Unauthorized") // the token has no actor yet
  return person
})

await step("refresh: the token has the actor, and the session too", async () => {
  const fresh = await sdk.auth.refresh(inSessions ? bearer(token) : {})
  const { actor_id, auth_identity_id, app_metadata, auth_provider } = claims(fresh.token)
  assert.deepEqual({ actor_id, auth_identity_id, auth_provider },
    { actor_id: person.id, auth_identity_id: claims(token).auth_identity_id, auth_provider: provider })
  assert.equal(app_metadata[`${actor}_id`], person.id)
  assert.equal((await me()).id, person.id)
  await refused(create(bearer(fresh.token)), 400, actor === "user" ?
    "The user is already registered and cannot create a new account." : "Request already authenticated as a customer.")
})

await step("Medusa knows nobody's address", () => ask("shadow", person.id))

await step("the next log-in, elsewhere, is theirs", async () => {
  await sdk.auth.logout()
  await refused(me(), 401, "Unauthorized")
  const elsewhere = new Browser().page()
  const again = await elsewhere.auth.callback(actor, provider, await visit(await elsewhere.auth.login(actor, provider, {})))
  const { actor_id, auth_identity_id } = claims(again)
  assert.deepEqual({ actor_id, auth_identity_id }, { actor_id: person.id, auth_identity_id: claims(token).auth_identity_id })
  assert.equal((await me(elsewhere)).id, person.id)
})
