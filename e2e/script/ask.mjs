// ask.mjs lets a script ask the Go test that runs it: for what only the test
// sees, such as Caddy's log, and to do what only the test can, such as ending a
// server. One question at a time.

import { createInterface } from "node:readline"

const replies = createInterface({ input: process.stdin })[Symbol.asyncIterator]()
process.stdin.unref() // only a pending question keeps the script alive

/** Returns what the test answers; null when it was only to do something. */
export async function ask(name, argument = "") {
  process.stdin.ref()
  process.stdout.write(JSON.stringify({ ask: name, argument }) + "\n")
  const { value, done } = await replies.next()
  process.stdin.unref()
  if (done) {
    throw new Error(`the test did not answer: ${name}`)
  }
  return JSON.parse(value)
}
