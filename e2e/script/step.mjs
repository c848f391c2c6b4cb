// step.mjs says which part of a script failed, in the output that the Go test shows.

/** Runs a part of a script and returns what it returns. */
export async function step(name, action) {
  const start = performance.now()
  try {
    const result = await action()
    console.error(`ok: ${name} (${Math.round(performance.now() - start)} ms)`)
    return result
  } catch (error) {
    console.error(`FAILED: ${name}`)
    throw error
  }
}
