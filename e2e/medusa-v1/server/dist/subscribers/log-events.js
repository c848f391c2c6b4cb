"use strict"
// In place of the mails that a shop sends: one line of JSON per event, in the file EVENT_LOG.
const { appendFileSync } = require("node:fs")

const names = [
  "customer.created", "customer.updated", "customer.password_reset",
  "user.created", "user.deleted", "user.password_reset", "invite.created",
]

exports.default = class {
  constructor({ eventBusService }) {
    const log = async (data, name) => appendFileSync(process.env.EVENT_LOG, JSON.stringify({ name, data }) + "\n")
    for (const name of names) {
      eventBusService.subscribe(name, log)
    }
  }
}
