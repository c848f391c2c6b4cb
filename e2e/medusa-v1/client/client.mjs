// client.mjs makes clients of the official kind, in the mode of the test, which
// keep their cookies as a browser does.
//
// Environment: SHOP_URL; MODE, token or session; ALONE, set when there is no
// sidecar before Medusa.

import assert from "node:assert/strict"
import Medusa from "@medusajs/medusa-js"

export const inSessions = process.env.MODE === "session"
export const protectedBySidecar = !process.env.ALONE
export const address = (name) => `${name}.${process.env.MODE}.${process.env.ALONE ? "alone" : "front"}@client.example.com`

// The client keeps a token only where it finds a window.
globalThis.window = {}

const used = new Set()
const all = new Set()

/** Returns a resource of which every call is noted, and every cookie kept. */
function watch(resource, path, keep) {
  for (const part of Object.keys(resource).filter((name) => name !== "client")) {
    watch(resource[part], `${path}.${part}`, keep)
  }
  for (const name of Object.getOwnPropertyNames(Object.getPrototypeOf(resource)).filter((name) => name !== "constructor")) {
    const full = `${path}.${name}`
    const method = resource[name].bind(resource)
    all.add(full)
    resource[name] = async (...args) => {
      used.add(full)
      try {
        return keep(await method(...args))
      } catch (error) {
        if (error.response) {
          keep(error)
        }
        throw error
      }
    }
  }
}

/** Opens a client of its own. What it sends beside its cookie is in `headers`. */
export function open(headers = {}) {
  const medusa = new Medusa({ baseUrl: process.env.SHOP_URL, maxRetries: 0, customHeaders: headers })
  const cookies = new Map()
  const keep = (result) => {
    for (const line of result.response.headers["set-cookie"] ?? []) {
      const [pair, ...attributes] = line.split("; ")
      const gone = attributes.some((a) => a.startsWith("Expires=") && new Date(a.slice(8)) < new Date())
      const name = pair.slice(0, pair.indexOf("="))
      if (gone || pair.endsWith("=")) {
        cookies.delete(name)
      } else if (inSessions) {
        cookies.set(name, pair)
      }
      headers.Cookie = [...cookies.values()].join("; ")
    }
    if (!cookies.size) {
      delete headers.Cookie
    }
    return result
  }
  for (const [resource, path] of [
    [medusa.auth, "auth"], [medusa.customers, "customers"], [medusa.admin.auth, "admin.auth"],
    [medusa.admin.users, "admin.users"], [medusa.admin.invites, "admin.invites"], [medusa.admin.customers, "admin.customers"],
  ]) {
    watch(resource, path, keep)
  }
  return medusa
}

/** Logs a customer in. */
export async function login(medusa, email, password) {
  if (inSessions) {
    return (await medusa.auth.authenticate({ email, password })).customer
  }
  const { access_token } = await medusa.auth.getToken({ email, password })
  assert.deepEqual(Object.keys(claims(access_token)), ["customer_id", "domain", "iat", "exp"])
  return (await medusa.auth.getSession()).customer
}

/** Logs a member of staff in. */
export async function adminLogin(medusa, email, password) {
  if (inSessions) {
    return (await medusa.admin.auth.createSession({ email, password })).user
  }
  const { access_token } = await medusa.admin.auth.getToken({ email, password })
  assert.deepEqual(Object.keys(claims(access_token)), ["user_id", "domain", "iat", "exp"])
  return (await medusa.admin.auth.getSession()).user
}

export const claims = (token) => JSON.parse(Buffer.from(token.split(".")[1], "base64url"))

/** Expects that status, and that text in the answer. */
export async function refused(promise, status, text = "") {
  let result
  try {
    result = await promise
  } catch (error) {
    assert.ok(error.response, error.message)
    const { status: got, data } = error.response
    const body = typeof data === "string" ? data : JSON.stringify(data)
    assert.ok([status].flat().includes(got) && body.includes(text), `${got} ${body}`)
    return
  }
  assert.fail(`not refused: ${JSON.stringify(Object.keys(result))}`)
}

/** Fails if a method below one of those paths was not used. */
export function allUsed(...paths) {
  const left = [...all].filter((name) => !used.has(name) && paths.some((path) => name.startsWith(path + ".")))
  assert.deepEqual(left, [])
}
