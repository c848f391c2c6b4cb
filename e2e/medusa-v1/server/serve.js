"use strict"
// Runs Medusa at 127.0.0.1 alone: its own start command listens on every interface.
const http = require("node:http")
const express = require("express")
const load = require("@medusajs/medusa/dist/loaders").default

async function main() {
  const expressApp = express()
  const medusa = await load({ directory: __dirname, expressApp })
  const server = http.createServer(expressApp)
  const quit = async () => {
    setTimeout(() => process.exit(1), 10_000).unref()
    server.closeAllConnections()
    server.close()
    await medusa.prepareShutdown()
    await medusa.shutdown()
    process.exit(0)
  }
  for (const signal of ["SIGINT", "SIGTERM"]) {
    process.once(signal, quit)
  }
  server.listen(Number(process.env.PORT), "127.0.0.1")
}

main().catch((error) => {
  console.error(error)
  process.exit(1)
})
