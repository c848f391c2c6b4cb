// staff.mjs: every method of client.admin.auth, .users, .invites and .customers.
//
// Environment: ADMIN_EMAIL, ADMIN_PASSWORD.

import assert from "node:assert/strict"
import { ask } from "../script/ask.mjs"
import { step } from "../script/step.mjs"
import { address, adminLogin, allUsed, inSessions, login, open, protectedBySidecar, refused } from "./client.mjs"

const { ADMIN_EMAIL: adminEmail, ADMIN_PASSWORD: adminPassword } = process.env
const password = "correct horse battery staple"
const changed = "another horse 🐎"
const medusa = open()
const { auth, users, invites, customers } = medusa.admin

await step("nobody is logged in", async () => {
  await refused(auth.getSession(), 401, "Unauthorized")
  await refused(users.list(), 401, "Unauthorized")
  await refused(auth.createSession({ email: adminEmail, password: "wrong" }), 401, "Unauthorized")
  await refused(auth.getToken({ email: adminEmail, password: "wrong" }), 401, "Unauthorized")
  await refused(users.create({ email: address("x"), password }), 401, "Unauthorized")
})

await step("log in", async () => {
  const user = await adminLogin(medusa, adminEmail, adminPassword)
  assert.equal(user.email, adminEmail)
  assert.equal((await auth.getSession()).user.id, user.id)
  assert.equal((await users.retrieve(user.id)).user.email, adminEmail)
})

/** Checks that the person logs in, and nobody else by another password. */
async function worksHere(email, password, id, log, wrong = "wrong") {
  const theirs = open()
  await refused(log(theirs, email, wrong), 401, "Unauthorized")
  assert.equal((await log(theirs, email, password)).id, id)
  return theirs
}

// The client has one token for all; who logs in by it takes the place of the admin.
const again = () => inSessions || adminLogin(medusa, adminEmail, adminPassword)

const made = await step("make a user", async () => {
  const email = address("made")
  await refused(users.create({ email }), 400, "password must be a string")
  const { user } = await users.create({ email, password, first_name: "Made" })
  assert.deepEqual([user.email, user.first_name, "password_hash" in user], [email, "Made", false])
  await refused(users.create({ email, password: "other" }), 400, "already exists")
  await worksHere(email, password, user.id, adminLogin, "other")
  await again()
  return user
})

await step("invite a colleague", async () => {
  const email = address("invited")
  await invites.create({ user: email, role: "member" })
  const { invites: [invite] } = await invites.list()
  assert.equal(invite.user_email, email)
  await invites.resend(invite.id)
  const user = { first_name: "In", last_name: "Vited", password }
  await refused(invites.accept({ token: "garbage", user }), 400, "Token is not valid")
  const token = await ask("invite", email)
  await invites.accept({ token, user })
  await refused(invites.accept({ token, user: { ...user, password: "other" } }), 400)
  const { users: list } = await users.list({ email })
  assert.equal(list.length, 1)
  await worksHere(email, password, list[0].id, adminLogin, "other")
  await again()
  await invites.create({ user: address("nobody"), role: "member" })
  await invites.delete((await invites.list()).invites[0].id)
})

await step("update a user", async () => {
  assert.equal((await users.update(made.id, { first_name: "Maid" })).user.first_name, "Maid")
  await refused(users.update(made.id, { password: "set by another" }), 400, "property password should not exist")
})

await step("a user forgets the password", async () => {
  await users.sendResetPasswordToken({ email: address("nobody") })
  await users.sendResetPasswordToken({ email: made.email })
  const token = await ask("reset user", made.email)
  await refused(users.resetPassword({ token: "garbage", password: changed }), protectedBySidecar ? [400, 401] : 400)
  assert.equal((await users.resetPassword({ email: made.email, token, password: changed })).user.id, made.id)
  await refused(users.resetPassword({ email: made.email, token, password: "third" }), protectedBySidecar ? [400, 401] : 500)
  await worksHere(made.email, changed, made.id, adminLogin, password)
  await again()
})

await step("make a customer", async () => {
  const email = address("customer")
  const { customer } = await customers.create({ email, password, first_name: "Cus", last_name: "Tomer" })
  assert.equal("password_hash" in customer, !protectedBySidecar)
  await refused(customers.create({ email, password: "other", first_name: "C", last_name: "T" }), 422)
  await worksHere(email, password, customer.id, login, "other")
  assert.equal((await customers.retrieve(customer.id)).customer.email, email)
  assert.equal((await customers.list({ q: email })).customers.length, 1)
  assert.equal((await customers.update(customer.id, { first_name: "Custom" })).customer.first_name, "Custom")
  const set = customers.update(customer.id, { password: changed })
  await (protectedBySidecar ? refused(set, 400, "is set by the customer") : set)
})

await step("a customer is nobody here, and an admin no customer", async () => {
  const theirs = open()
  await login(theirs, address("customer"), protectedBySidecar ? password : changed)
  if (inSessions) {
    await refused(theirs.admin.auth.getSession(), 401, "Unauthorized")
    await refused(medusa.customers.retrieve(), 401, "Unauthorized")
  }
})

await step("delete a user, who is logged out", async () => {
  const theirs = open()
  await adminLogin(theirs, made.email, changed)
  await again()
  await users.delete(made.id)
  if (inSessions && protectedBySidecar) {
    await refused(theirs.admin.users.list(), 401, "Unauthorized")
  }
  await refused(adminLogin(open(), made.email, changed), 401, "Unauthorized")
})

await step("log out", async () => {
  await auth.deleteSession()
  if (inSessions) {
    await refused(auth.getSession(), 401, "Unauthorized")
  }
})

await step("nothing was left out", () => allUsed("admin.auth", "admin.users", "admin.invites", "admin.customers"))
