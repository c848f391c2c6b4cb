// Package notify delivers password-reset notifications.
//
// The HTTP route only appends the request to a durable queue, so it answers as
// fast for an unknown address as for a known one. A Dispatcher takes the
// requests from there, asks the identity service what to tell whom, and hands
// the notification to every configured notifier:
//
//   - Log shows the reset link in the log, for development;
//   - Stream appends to a Redis stream that the shop reads;
//   - Webhook posts a signed request to the shop.
//
// What holds for all of them:
//
//   - A request that was accepted is delivered at least once by each notifier,
//     or nobody is to be told, or it expired; a crash or restart at any moment
//     loses none. Repeated deliveries carry the same id and the same token.
//   - The queue holds requests, never tokens: a token is made anew, and the
//     same, at every attempt.
//   - Notifiers do not wait for each other: a receiver that is down delays its
//     own deliveries alone.
//   - Several processes may work on one queue; a request is in the hands of one
//     of them at a time.
package notify
