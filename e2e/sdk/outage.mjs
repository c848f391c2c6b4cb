// outage.mjs: Redis is gone, or does not answer, and comes back. Nobody is told
// to log in again meanwhile, and nobody has to afterwards.

import assert from "node:assert/strict"
import { setTimeout as pause } from "node:timers/promises"
import { FetchError } from "@medusajs/js-sdk"
import { ask } from "../script/ask.mjs"
import { step } from "../script/step.mjs"
import { Browser, address, bearing, refused, signUp } from "./shop.mjs"

const unavailable = "Service temporarily unavailable"
const password = "correct horse battery staple"
const email = address("customer")
const newcomer = address("newcomer")
const browser = new Browser()
const { sdk, customer } = await step("sign up", () => signUp(browser, email, password))
const cookies = (await browser.cookies()).map(String)
const halfway = bearing(await new Browser().page().auth.register("customer", "emailpass", { email: newcomer, password }))

await step("without Redis the customer is served for a while, then told to try again", async () => {
  await ask("take redis away")
  for (;;) { // at most the 5 s for which an answer of the store may be believed
    try {
      assert.equal((await sdk.store.customer.retrieve()).customer.id, customer.id)
      await pause(50)
    } catch (error) {
      assert.ok(error instanceof FetchError, error)
      assert.deepEqual({ status: error.status, message: error.message }, { status: 503, message: unavailable })
      break
    }
  }
})

await step("nothing that needs the store claims to know", async () => {
  await refused(sdk.store.customer.retrieve(), 503, unavailable)
  await refused(sdk.auth.login("customer", "emailpass", { email, password }), 503, unavailable)
  await refused(sdk.auth.login("customer", "emailpass", { email, password: "wrong" }), 503, unavailable)
  await refused(sdk.auth.register("customer", "emailpass", { email: address("late"), password }), 503, unavailable)
  await refused(sdk.auth.resetPassword("customer", "emailpass", { identifier: email }), 503, unavailable)
  await refused(sdk.auth.refresh(), 503, unavailable)
  await refused(halfway.store.customer.create({ email: newcomer }), 503, unavailable)
  assert.ok((await sdk.auth.listProviders("customer")).providers.length > 0) // needs no store
  assert.deepEqual((await browser.cookies()).map(String), cookies)
})

await step("who sends no credential is served", async () => {
  assert.ok((await new Browser().page().client.fetch("/store/products")).products.length > 0)
})

await step("Redis is back: all is as it was", async () => {
  await ask("give redis back")
  for (;;) { // the first connections may still be the dead ones
    try {
      assert.equal((await sdk.store.customer.retrieve()).customer.id, customer.id)
      break
    } catch (error) {
      assert.equal(error.status, 503, error)
      await pause(50)
    }
  }
  assert.deepEqual((await browser.cookies()).map(String), cookies)
  await new Browser().page().auth.login("customer", "emailpass", { email, password })
  await halfway.store.customer.create({ email: newcomer })
  const { sdk: other } = await signUp(new Browser(), address("after"), password)
  await other.store.customer.retrieve()
})
