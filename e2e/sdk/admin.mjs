// admin.mjs: admin users, and people who are users and customers at once.
//
// Environment: INVITE, the token of an invite.

import assert from "node:assert/strict"
import { step } from "../script/step.mjs"
import { Browser, address, bearer, claims, inSessions, refused, signUp } from "./shop.mjs"

const password = "correct horse battery staple"
const office = new Browser()
const admin = office.page()
const email = address("admin")

/** Accepts an invite as the dashboard does, and logs in. */
async function join(sdk, email, invite) {
  const token = await sdk.auth.register("user", "emailpass", { email, password })
  const names = { email, first_name: "Ada", last_name: "Lovelace" }
  const { user } = await sdk.admin.invite.accept({ invite_token: invite, ...names }, {}, bearer(token))
  await sdk.auth.login("user", "emailpass", { email, password })
  return user
}

const user = await step("accept an invite", async () => {
  const stranger = await admin.auth.register("user", "emailpass", { email: address("stranger"), password })
  await refused(admin.admin.invite.accept({ invite_token: "garbage" }, {}, bearer(stranger)), 401, "Unauthorized")
  const user = await join(admin, email, process.env.INVITE)
  assert.match(user.id, /^user_/)
  assert.deepEqual((await admin.admin.user.me()).user, user)
  return user
})

await step("invite a colleague, whose invite is good once", async () => {
  const { invite } = await admin.admin.invite.create({ email: address("colleague") })
  const colleague = new Browser().page()
  const { id } = await join(colleague, invite.email, invite.token)
  assert.equal((await colleague.admin.user.me()).user.id, id)
  const late = address("late")
  const token = await colleague.auth.register("user", "emailpass", { email: late, password })
  await refused(new Browser().page().admin.invite.accept({ invite_token: invite.token, email: late }, {}, bearer(token)),
    401, "Unauthorized")
})

await step("a customer is no user, and a user no customer", async () => {
  const { sdk } = await signUp(new Browser(), address("customer"), password)
  await refused(sdk.admin.user.me(), 401, "Unauthorized")
  await refused(admin.store.customer.retrieve(), 401, "Unauthorized")
})

await step("a user becomes a customer with the same address and password", async () => {
  const browser = new Browser()
  const sdk = browser.page()
  await refused(sdk.auth.register("customer", "emailpass", { email, password }), 401, "Identity with email already exists")
  await refused(sdk.auth.login("customer", "emailpass", { email, password: "wrong" }), 401, "Invalid email or password")
  const token = await sdk.auth.login("customer", "emailpass", { email, password })
  assert.equal(claims(token).actor_id, "")
  assert.deepEqual(claims(token).app_metadata, { user_id: user.id })
  const { customer } = await sdk.store.customer.create({ email }, {}, bearer(token))
  const { token: both } = await sdk.auth.refresh(bearer(token))
  assert.equal(claims(both).actor_id, customer.id)
  assert.deepEqual(claims(both).app_metadata, { user_id: user.id, customer_id: customer.id })
  assert.equal((await sdk.store.customer.retrieve()).customer.id, customer.id)
  assert.equal((await admin.admin.user.me()).user.id, user.id)
})

await step("a customer and a user, side by side in one browser", async () => {
  const shopper = address("shopper")
  const { sdk: storefront, customer } = await signUp(office, shopper, password)
  for (let visit = 0; visit < 2; visit++) {
    assert.equal((await storefront.store.customer.retrieve()).customer.id, customer.id)
    assert.equal((await admin.admin.user.me()).user.id, user.id)
    await admin.auth.login("user", "emailpass", { email, password }) // replaces the user's login alone
  }
  await storefront.auth.logout()
  if (inSessions) { // one cookie, so one log-out
    assert.deepEqual(await office.cookies(), [])
    await refused(admin.admin.user.me(), 401, "Unauthorized")
    await admin.auth.login("user", "emailpass", { email, password })
  }
  await refused(storefront.store.customer.retrieve(), 401, "Unauthorized")
  assert.equal((await admin.admin.user.me()).user.id, user.id)
})

await step("deleting a customer ends the customer's logins and frees the address", async () => {
  const shopper = address("leaving")
  const { sdk, customer } = await signUp(new Browser(), shopper, password)
  assert.deepEqual(await admin.admin.customer.delete(customer.id), { id: customer.id, object: "customer", deleted: true })
  await refused(sdk.store.customer.retrieve(), 401, "Unauthorized")
  await refused(sdk.auth.login("customer", "emailpass", { email: shopper, password }), 401, "Invalid email or password")
  const again = await signUp(new Browser(), shopper, "another password")
  assert.notEqual(again.customer.id, customer.id)
  assert.equal((await again.sdk.store.customer.retrieve()).customer.id, again.customer.id)
})
