// Package upstream is what the packages beside it share, which talk to a commerce
// backend: a client that follows no redirects, reads a bounded answer and waits a
// bounded time; the passwords that nobody types; and whether the backend takes our
// tokens.
package upstream
