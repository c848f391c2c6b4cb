// thirdparty.mjs: people who log in at an OpenID provider, by the official SDK,
// as the page "Third-party or social login" of Medusa's documentation has it; and
// people who add it to an account, which the SDK has no method for.
//
// Environment: PROVIDER, its id; SHOP_PAGE, which is configured, and DESK, which
// is on the list; INVITE, the token of an invite.

import assert from "node:assert/strict"
import { step } from "../script/step.mjs"
import { Browser, address, bearing, claims, inSessions, refused, signUp } from "./shop.mjs"

const { PROVIDER: provider, SHOP_PAGE: shopPage, DESK: desk, INVITE: invite } = process.env
const password = "correct horse battery staple"

/** Logs in at the provider, and returns the query with which it sends the browser back to the page. */
async function visit(location, email, page) {
  const there = new URL(location)
  assert.equal(there.searchParams.get("redirect_uri"), page)
  there.searchParams.set("login_hint", email)
  const { status, headers } = await fetch(there, { redirect: "manual" })
  assert.equal(status, 303)
  const back = new URL(headers.get("location"))
  assert.equal(back.origin + back.pathname, new URL(page).origin + new URL(page).pathname)
  return Object.fromEntries(back.searchParams)
}

/** Logs in as pages do, and returns the token of the callback. */
async function logIn(sdk, actor, email, page = shopPage) {
  const { location } = await sdk.auth.login(actor, provider, { callback_url: page })
  return sdk.auth.callback(actor, provider, await visit(location, email, page))
}

/** What the SDK has no method for. */
const link = (sdk) => sdk.client.fetch(`/auth/customer/${provider}`, { method: "POST", body: { link: true } })
const remove = (sdk, id) => sdk.client.fetch(`/auth/customer/${id}`, { method: "DELETE" })

const ada = address("ada")
const { customer, identity } = await step("the first time there is no customer, and the page makes one", async () => {
  const sdk = new Browser().page()
  const token = await logIn(sdk, "customer", ada)
  const { actor_id, actor_type, auth_provider, user_metadata, auth_identity_id } = claims(token)
  assert.deepEqual({ actor_id, actor_type, auth_provider, email: user_metadata.email },
    { actor_id: "", actor_type: "customer", auth_provider: provider, email: ada })
  await refused(sdk.store.customer.retrieve(), 401, "Unauthorized")
  const { customer } = await sdk.store.customer.create({ email: user_metadata.email })
  const { token: refreshed } = await sdk.auth.refresh()
  assert.equal(claims(refreshed).actor_id, customer.id)
  assert.equal((await sdk.store.customer.retrieve()).customer.id, customer.id)
  return { customer, identity: auth_identity_id }
})

await step("the second time the token has the customer", async () => {
  const sdk = new Browser().page()
  const { actor_id, auth_identity_id } = claims(await logIn(sdk, "customer", ada))
  assert.deepEqual({ actor_id, auth_identity_id }, { actor_id: customer.id, auth_identity_id: identity })
  assert.equal((await sdk.store.customer.retrieve()).customer.id, customer.id)
  await sdk.auth.logout()
  await refused(sdk.store.customer.retrieve(), 401, "Unauthorized")
})

await step("a page that is not on the list is refused, and so is a state that was used", async () => {
  const sdk = new Browser().page()
  await refused(sdk.auth.login("customer", provider, { callback_url: "https://evil.example/" }), 400,
    "callback_url must be one of the addresses that the provider is configured with")
  const { location } = await sdk.auth.login("customer", provider, {})
  const query = await visit(location, ada, shopPage)
  await sdk.auth.callback("customer", provider, query)
  await refused(sdk.auth.callback("customer", provider, query), 401, "No state provided, or session expired")
  assert.equal((await sdk.store.customer.retrieve()).customer.id, customer.id) // still logged in
})

await step("a browser is not logged in by what another brought back", async () => {
  const { location } = await new Browser().page().auth.login("customer", provider, {})
  const query = await visit(location, ada, shopPage)
  const victim = new Browser().page()
  await victim.auth.login("customer", provider, {}) // has been here before
  if (inSessions) {
    await refused(victim.auth.callback("customer", provider, query), 401, "No state provided, or session expired")
  } else { // without cookies nothing tells them apart, unless the provider has `bind required`
    assert.equal(claims(await victim.auth.callback("customer", provider, query)).actor_id, customer.id)
  }
})

await step("a user: accepts an invite the first time, and is known the second", async () => {
  const email = address("grace")
  const sdk = new Browser().page()
  assert.equal(claims(await logIn(sdk, "user", email, desk)).actor_id, "")
  await refused(sdk.admin.user.me(), 401, "Unauthorized")
  const { user } = await sdk.admin.invite.accept({ invite_token: invite, email, first_name: "Grace" })
  await sdk.auth.refresh()
  assert.equal((await sdk.admin.user.me()).user.id, user.id)

  const later = new Browser().page()
  assert.equal(claims(await logIn(later, "user", email, desk)).actor_id, user.id)
  assert.equal((await later.admin.user.me()).user.id, user.id)
})

await step("list the providers", async () => {
  const { providers } = await new Browser().page().auth.listProviders("customer")
  assert.deepEqual(providers.map(({ id, flow }) => [id, flow]), [[provider, "redirect"], ["emailpass", "credentials"]])
})

await step("the provider's address merges nobody: an account is linked by who has it", async () => {
  const email = address("both")
  const { sdk, customer: known } = await signUp(new Browser(), email, password)
  assert.equal(claims(await logIn(new Browser().page(), "customer", email)).actor_id, "") // a stranger
  const { location } = await link(sdk)
  await refused(sdk.auth.callback("customer", provider, await visit(location, email, shopPage)), 400,
    `The ${provider} account belongs to another identity`)
  assert.equal((await sdk.store.customer.retrieve()).customer.id, known.id)
})

await step("link the provider, then remove the password", async () => {
  const email = address("linking")
  const atProvider = address("elsewhere")
  await refused(link(new Browser().page()), 401, "Unauthorized")
  const { sdk, customer: known } = await signUp(new Browser(), email, password)
  const elsewhere = new Browser().page()
  const old = await elsewhere.auth.login("customer", "emailpass", { email, password })
  await refused(remove(sdk, "emailpass"), 400, "The last way to log in cannot be removed")
  await refused(remove(sdk, provider), 404, `No ${provider} account is linked`)

  const { location } = await link(sdk)
  const token = await sdk.auth.callback("customer", provider, await visit(location, atProvider, shopPage))
  assert.deepEqual([claims(token).actor_id, claims(token).auth_provider], [known.id, provider])
  const byProvider = await logIn(new Browser().page(), "customer", atProvider)
  assert.equal(claims(byProvider).actor_id, known.id)

  const removed = await remove(sdk, "emailpass")
  assert.equal(removed.success, true)
  if (!inSessions) { // in session mode the cookie was renewed
    await sdk.client.setToken(removed.token)
  }
  assert.equal((await sdk.store.customer.retrieve()).customer.id, known.id)
  await refused(elsewhere.store.customer.retrieve(), 401, "Unauthorized")
  for (const dead of [old, token, byProvider]) {
    await refused(bearing(dead).store.customer.retrieve(), 401, "Unauthorized")
  }
  await refused(sdk.auth.login("customer", "emailpass", { email, password }), 401, "Invalid email or password")
  await refused(remove(sdk, provider), 400, "The last way to log in cannot be removed")
  assert.equal(claims(await logIn(new Browser().page(), "customer", atProvider)).actor_id, known.id)
})

await step("who removes what they came by is logged out, and logs in by what remains", async () => {
  const email = address("leaving")
  const { sdk, customer: known } = await signUp(new Browser(), email, password)
  const { location } = await link(sdk)
  await sdk.auth.callback("customer", provider, await visit(location, address("left"), shopPage))
  assert.deepEqual(await remove(sdk, provider), { success: true })
  await refused(sdk.store.customer.retrieve(), 401, "Unauthorized")
  await sdk.auth.login("customer", "emailpass", { email, password })
  assert.equal((await sdk.store.customer.retrieve()).customer.id, known.id)
})
