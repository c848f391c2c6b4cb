// Package oauth is what the providers that send the browser to a third party
// have in common: the client that is registered there (RFC 6749), the list of
// addresses to which the browser may come back, the exchange of the code (RFC
// 7636 always), and calls of a server that may be down, slow or hostile.
//
// Such a call follows no redirect, reads a bounded answer, waits a bounded time
// and keeps no cookies. What the third party says never becomes part of an
// error: errors are made of fixed words and of numbers.
package oauth
