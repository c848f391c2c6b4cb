// customer.mjs: every method of sdk.store.customer.

import assert from "node:assert/strict"
import { step } from "../script/step.mjs"
import { Browser, address, bearer, inSessions, refused } from "../shop/shop.mjs"
import { allUsed, watched } from "./methods.mjs"

const email = address("customer")
const password = "correct horse battery staple"
const sdk = watched(new Browser().page())
const { customer: store } = sdk.store
const withAddresses = { fields: "*addresses" }
const home = {
  first_name: "Zoë", last_name: "Doe", address_1: "Unter den Linden 1", city: "Berlin", postal_code: "10117", country_code: "de",
}

const customer = await step("create", async () => {
  await refused(store.create({ email }), 401, "Unauthorized")
  const token = await sdk.auth.register("customer", "emailpass", { email, password })
  const headers = inSessions ? bearer(token) : {}
  await refused(store.create({ email, bogus: 1 }, {}, headers), 400, "Invalid request: Unrecognized fields: 'bogus'")
  const { customer } = await store.create({ email, first_name: "Zoë", metadata: { size: 7 } }, {}, headers)
  await refused(store.create({ email }, {}, headers), 422, "Customer with this email already has an account")
  await sdk.auth.login("customer", "emailpass", { email, password })
  await refused(store.create({ email: address("second") }), 400, "Request already authenticated as a customer.")
  return customer
})

await step("retrieve and update", async () => {
  assert.deepEqual((await store.retrieve()).customer, customer)
  const { customer: updated } = await store.update({ first_name: "Chloë", phone: "+49 30 1234" })
  assert.equal(updated.first_name, "Chloë")
  const fetched = await store.retrieve(withAddresses)
  assert.equal(fetched.customer.phone, "+49 30 1234")
  assert.deepEqual(fetched.customer.addresses, [])
})

await step("addresses", async () => {
  const { customer: created } = await store.createAddress(home, withAddresses)
  const [made] = created.addresses
  assert.equal(made.address_1, home.address_1)
  assert.equal(made.customer_id, customer.id)
  const list = await store.listAddress()
  assert.deepEqual(list.addresses.map(({ id }) => id), [made.id])
  assert.equal((await store.retrieveAddress(made.id)).address.city, "Berlin")
  const { customer: moved } = await store.updateAddress(made.id, { city: "Köln" }, withAddresses)
  assert.equal(moved.addresses[0].city, "Köln")
  await store.deleteAddress(made.id)
  assert.deepEqual((await store.listAddress()).addresses, [])
})

await step("nothing was left out", () => allUsed("auth"))
await step("after logging out there is nobody", async () => {
  await sdk.auth.logout()
  await refused(store.retrieve(), 401, "Unauthorized")
  await refused(store.listAddress(), 401, "Unauthorized")
})
