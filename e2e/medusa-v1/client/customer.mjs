// customer.mjs: every method of client.auth and client.customers.

import assert from "node:assert/strict"
import { ask } from "../script/ask.mjs"
import { step } from "../script/step.mjs"
import { address, allUsed, inSessions, login, open, protectedBySidecar, refused } from "./client.mjs"

const email = address("jane")
const password = "correct horse battery staple"
const changed = "another horse, другая лошадь 🐎"
const third = "a third horse"
const medusa = open()
const { auth, customers } = medusa

await step("nobody is logged in", async () => {
  await refused(auth.getSession(), 401, "Unauthorized")
  await refused(customers.retrieve(), 401, "Unauthorized")
  await refused(auth.authenticate({ email, password }), 401, "Unauthorized")
  await refused(auth.getToken({ email, password }), 401, "Unauthorized")
  assert.equal((await auth.exists(email)).exists, false)
  await auth.deleteSession()
})

const customer = await step("register", async () => {
  await refused(customers.create({ email: "jane", password }), 400, "email must be an email")
  const { customer } = await customers.create({ email: email.toUpperCase(), password, first_name: "Jane", last_name: "Doe" })
  assert.match(customer.id, /^cus_/)
  assert.deepEqual([customer.email, customer.first_name, customer.has_account], [email, "Jane", true])
  assert.ok(!("password_hash" in customer))
  await refused(customers.create({ email, password: "other" }), 422, "already has an account")
  assert.equal((await auth.exists(email)).exists, true)
  return customer
})

await step("who registered is logged in by the cookie", async () => {
  if (inSessions) {
    assert.equal((await auth.getSession()).customer.id, customer.id)
  }
})

await step("log in", async () => {
  await refused(auth.authenticate({ email, password: "wrong" }), 401, "Unauthorized")
  const person = await login(medusa, email, password)
  assert.equal(person.id, customer.id)
  assert.deepEqual(person.orders, [])
  assert.equal((await auth.getSession()).customer.id, customer.id)
  assert.equal((await customers.retrieve()).customer.id, customer.id)
})

await step("the profile", async () => {
  const { customer: updated } = await customers.update({ first_name: "Janet", phone: "+45 1234", metadata: { size: 7 } })
  assert.deepEqual([updated.first_name, updated.phone, updated.metadata.size], ["Janet", "+45 1234", 7])
  assert.equal((await customers.retrieve()).customer.first_name, "Janet")
  await refused(customers.update({ bogus: 1 }), 400, "property bogus should not exist")
})

await step("orders and payment methods", async () => {
  const { orders, count, limit } = await customers.listOrders({ limit: 5 })
  assert.deepEqual([orders, count, limit], [[], 0, 5])
  assert.deepEqual((await customers.paymentMethods.list()).payment_methods, [])
})

await step("addresses", async () => {
  const home = {
    first_name: "Jane", last_name: "Doe", address_1: "Street 1", city: "Copenhagen", country_code: "dk", postal_code: "1000",
    phone: "1", company: "", address_2: "", province: "", metadata: {},
  }
  const { customer: made } = await customers.addresses.addAddress({ address: home })
  const [{ id }] = made.shipping_addresses
  const { customer: moved } = await customers.addresses.updateAddress(id, { city: "Aarhus" })
  assert.equal(moved.shipping_addresses[0].city, "Aarhus")
  assert.deepEqual((await customers.addresses.deleteAddress(id)).customer.shipping_addresses, [])
})

await step("change the password with the profile", async () => {
  await customers.update({ password: changed, email })
  if (inSessions) {
    assert.equal((await auth.getSession()).customer.id, customer.id) // this browser stays logged in
  } else if (protectedBySidecar) {
    await refused(auth.getSession(), 401, "Unauthorized")
  }
  await refused(auth.authenticate({ email, password }), 401, "Unauthorized")
  assert.equal((await login(medusa, email, changed)).id, customer.id)
})

await step("log out", async () => {
  await auth.deleteSession()
  if (inSessions) {
    await refused(auth.getSession(), 401, "Unauthorized")
    await refused(customers.retrieve(), 401, "Unauthorized")
  }
})

await step("forget the password", async () => {
  const elsewhere = open()
  if (inSessions) {
    await login(elsewhere, email, changed)
  }
  await customers.generatePasswordToken({ email: address("nobody") }) // answered alike
  await customers.generatePasswordToken({ email })
  const token = await ask("reset", email)
  await refused(customers.resetPassword({ email, token: "garbage", password: third }), protectedBySidecar ? 401 : 500)
  await refused(customers.resetPassword({ email: address("nobody"), token, password: third }), 401)
  assert.equal((await customers.resetPassword({ email, token, password: third })).customer.id, customer.id)
  await refused(customers.resetPassword({ email, token, password: "fourth" }), protectedBySidecar ? 401 : 500)
  await refused(auth.authenticate({ email, password: changed }), 401, "Unauthorized")
  if (inSessions && protectedBySidecar) {
    await refused(elsewhere.customers.retrieve(), 401, "Unauthorized") // who knew the old one is logged out
  }
  assert.equal((await login(medusa, email, third)).id, customer.id)
})

await step("nothing was left out", () => allUsed("auth", "customers"))
