// methods.mjs notes which methods of the SDK a script has used, so that it can
// say that it has left none out.

import assert from "node:assert/strict"

const all = new Set()
const used = new Set()

/** Notes every call of a method of that part of the SDK, and of its own parts. */
function watch(part, path) {
  for (const [name, value] of Object.entries(part)) {
    const full = `${path}.${name}`
    if (typeof value === "function") {
      if (name.endsWith("_")) { // the SDK's own
        continue
      }
      all.add(full)
      part[name] = (...args) => {
        used.add(full)
        return value(...args)
      }
    } else if (!["client", "config"].includes(name) && typeof value === "object") {
      watch(value, full)
    }
  }
}

/** Watches an SDK, and returns it. */
export function watched(sdk) {
  watch(sdk.auth, "auth")
  watch(sdk.store.customer, "store.customer")
  return sdk
}

/** Fails if a method was not used that no other script is for. */
export function allUsed(...elsewhere) {
  const left = [...all].filter((name) => !used.has(name) && !elsewhere.some((part) => name.startsWith(part)))
  assert.ok(all.size > 20, `the SDK has only ${[...all]}`)
  assert.deepEqual(left, [])
}
