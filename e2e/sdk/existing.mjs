// existing.mjs: people whose e-mail address has an identity already, as the
// page "How to use authentication routes" of Medusa's documentation has it
// (handling existing identities).

import assert from "node:assert/strict"
import { step } from "../script/step.mjs"
import { Browser, address, bearer, claims, refused, signUp } from "./shop.mjs"

const exists = "Identity with email already exists"
const wrongPassword = "Invalid email or password"
const password = "correct horse battery staple"

await step("until there is a customer, the same sign-up may be repeated", async () => {
  const sdk = new Browser().page()
  const email = address("twice")
  const first = await sdk.auth.register("customer", "emailpass", { email, password })
  const second = await sdk.auth.register("customer", "emailpass", { email, password })
  assert.equal(claims(second).auth_identity_id, claims(first).auth_identity_id)
  await refused(sdk.auth.register("customer", "emailpass", { email, password: "another" }), 401, exists)
})

await step("a customer's address is taken; the customer logs in, others cannot", async () => {
  const email = address("taken")
  const { customer } = await signUp(new Browser(), email, password)
  const sdk = new Browser().page()
  for (const attempt of [password, "another password"]) {
    await refused(sdk.auth.register("customer", "emailpass", { email, password: attempt }), 401, exists)
  }
  await refused(sdk.auth.login("customer", "emailpass", { email, password: "another password" }), 401, wrongPassword)
  const token = await sdk.auth.login("customer", "emailpass", { email, password })
  assert.equal(claims(token).actor_id, customer.id)
  assert.equal((await sdk.store.customer.retrieve()).customer.id, customer.id)
})

await step("a sign-up with the address in another spelling is the same person's", async () => {
  const email = address("Case.Matters.Not")
  await signUp(new Browser(), email, password)
  const sdk = new Browser().page()
  await refused(sdk.auth.register("customer", "emailpass", { email: email.toUpperCase(), password }), 401, exists)
  await sdk.auth.login("customer", "emailpass", { email: email.toLowerCase(), password })
  assert.equal((await sdk.store.customer.retrieve()).customer.email, email)
})

await step("an identity that must not be linked to a second customer is not", async () => {
  const email = address("once")
  const { sdk, customer } = await signUp(new Browser(), email, password)
  await refused(sdk.store.customer.create({ email: address("other") }), 400, "Request already authenticated as a customer.")
  const token = await sdk.auth.login("customer", "emailpass", { email, password })
  await refused(sdk.store.customer.create({ email: address("other") }, {}, bearer(token)), 400,
    "Request already authenticated as a customer.")
  assert.equal((await sdk.store.customer.retrieve()).customer.id, customer.id)
})
