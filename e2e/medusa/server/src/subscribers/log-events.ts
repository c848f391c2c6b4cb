import type { SubscriberArgs, SubscriberConfig } from "@medusajs/framework"
import { appendFileSync } from "node:fs"

// In place of the mails that a shop sends: one line of JSON per event, in the file EVENT_LOG.
export default async function logEvent({ event }: SubscriberArgs<unknown>) {
  appendFileSync(process.env.EVENT_LOG!, JSON.stringify({ name: event.name, data: event.data }) + "\n")
}

export const config: SubscriberConfig = {
  event: [
    "auth.password_reset",
    "customer.created",
    "customer.deleted",
    "invite.created",
    "invite.accepted",
    "user.created",
    "user.deleted",
  ],
}
