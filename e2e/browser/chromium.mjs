// chromium.mjs starts the browser that the scripts of this folder use, and
// keeps watch over its pages.
//
// Environment: CHROMIUM, its path; default /usr/bin/chromium.

import assert from "node:assert/strict"
import { chromium } from "playwright-core"

/** Starts a browser without a profile. For it, every host below .test is this machine, and there is no other. */
export function start() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM || "/usr/bin/chromium",
    args: [
      "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--host-resolver-rules=MAP *.test 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1",
    ],
  })
}

/**
 * Opens a person's browser window: cookies of its own. What goes wrong in its
 * pages is collected: exceptions, console errors, violations of the content
 * security policy. Answers that are errors show in the console as well; those
 * of the statuses in `expected` are not collected.
 */
export async function person(browser, options = {}) {
  const context = await browser.newContext(options)
  context.setDefaultTimeout(60_000)
  const problems = []
  const expected = new Set()
  await context.exposeFunction("reportViolation", (text) => problems.push(`content security policy: ${text}`))
  await context.addInitScript(() => {
    document.addEventListener("securitypolicyviolation", (event) =>
      window.reportViolation(`${event.effectiveDirective} ${event.blockedURI}`))
  })
  context.on("weberror", (event) => problems.push(`exception: ${event.error()}`))
  context.on("console", (message) => {
    if (!["error", "warning"].includes(message.type())) {
      return
    }
    const status = /^Failed to load resource: the server responded with a status of (\d+)/.exec(message.text())
    if (!status || !expected.has(Number(status[1]))) {
      problems.push(`${message.type()}: ${message.text()} (${message.location().url})`)
    }
  })
  return {
    context,
    page: await context.newPage(),
    /** Declares that answers with these statuses, and no others, are to come. */
    expect(...statuses) {
      expected.clear()
      statuses.forEach((status) => expected.add(status))
    },
    /** Fails if something went wrong. */
    quiet() {
      assert.deepEqual(problems, [])
    },
  }
}
