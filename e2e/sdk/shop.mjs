// shop.mjs is the official SDK as a shop's client uses it, and what the scripts
// need around it.
//
// Environment: SHOP_URL; MODE, which is jwt or session; PUBLISHABLE_KEY, if the
// backend wants one of its own.

import assert from "node:assert/strict"
import { randomUUID } from "node:crypto"
import Medusa, { FetchError } from "@medusajs/js-sdk"
import { CookieJar } from "tough-cookie"

const url = process.env.SHOP_URL
export const inSessions = process.env.MODE === "session"
assert.ok(inSessions || process.env.MODE === "jwt", "MODE is jwt or session")

// The SDK calls the global fetch, and Node's keeps no cookies: this one keeps
// them as a browser does, for requests with credentials alone. The field says
// in which browser a request is made.
const browserField = "x-test-browser"
const jars = new Map()

// Each browser is at an address of its own, for a Caddy that trusts the tests:
// what strangers may do at once is limited by client.
let browsers = 0
const nextAddress = () => `10.${inSessions ? 1 : 0}.${browsers >> 8}.${browsers++ & 255}`
const fetchWithoutCookies = globalThis.fetch
globalThis.fetch = async (target, init) => {
  const headers = new Headers(init.headers)
  const jar = jars.get(headers.get(browserField))
  headers.delete(browserField)
  if (init.credentials !== "include") {
    return fetchWithoutCookies(target, { ...init, headers })
  }
  const cookies = await jar.getCookieString(String(target))
  if (cookies) {
    headers.set("cookie", cookies)
  }
  const response = await fetchWithoutCookies(target, { ...init, headers })
  for (const line of response.headers.getSetCookie()) {
    await jar.setCookie(line, String(target))
  }
  return response
}

/** A browser: one jar of cookies, and the SDKs of the pages that are open in it. */
export class Browser {
  #id = randomUUID()
  #jar = new CookieJar()
  #address = nextAddress()

  constructor() {
    jars.set(this.#id, this.#jar)
  }

  /** Returns the SDK of a page: tokens are its own, cookies the browser's. */
  page(headers = {}) {
    return new Medusa({
      baseUrl: url,
      publishableKey: process.env.PUBLISHABLE_KEY || "pk_test",
      auth: inSessions ? { type: "session" } : { type: "jwt", jwtTokenStorageMethod: "memory" },
      globalHeaders: { ...headers, [browserField]: this.#id, "X-Forwarded-For": this.#address },
    })
  }

  /** Returns the browser's cookies for the shop, but that by which an account knows the browser: it outlives log-outs. */
  async cookies() {
    return (await this.#jar.getCookies(url)).filter(({ key }) => key !== "connect.sid.device")
  }

  /** Puts a cookie into the jar that was there once. */
  put(cookie) {
    return this.#jar.setCookie(cookie, url)
  }
}

/** Returns an address that nobody else in any script has. */
export function address(name) {
  return `${name}.${randomUUID()}@example.com`
}

/** The header that carries a token along with one call of the SDK. */
export function bearer(token) {
  return { Authorization: `Bearer ${token}` }
}

/** Returns the SDK of somebody who has that token and nothing else. */
export function bearing(token) {
  return new Browser().page(bearer(token))
}

/** Returns what a token says. */
export function claims(token) {
  return JSON.parse(Buffer.from(token.split(".")[1], "base64url"))
}

/** Checks that a call fails the way the SDK reports an answer of that status and message. */
export async function refused(call, status, message) {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof FetchError, `${error} is no answer`)
    assert.deepEqual({ status: error.status, message: error.message }, { status, message })
    return true
  })
}

/** Registers a customer as a storefront does, and returns the SDK, logged in. */
export async function signUp(browser, email, password, names = {}) {
  const sdk = browser.page()
  const token = await sdk.auth.register("customer", "emailpass", { email, password })
  const { customer } = await sdk.store.customer.create({ email, ...names }, {}, bearer(token))
  await sdk.auth.login("customer", "emailpass", { email, password })
  return { sdk, customer }
}
