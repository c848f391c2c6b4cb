// Package identity is the domain of the sidecar: who a person is (Identity),
// how they prove it (Provider), as whom they act (Actor types such as customer
// and user), and what they may do about it (Service: register, log in, refresh,
// reset a password, be linked to an actor of the backend).
//
// The package knows neither Caddy nor HTTP nor Redis and imports the standard
// library alone. What it needs from outside is declared here as small
// interfaces (ports); the packages below this one implement them.
//
// Every failure a caller may react to is an *Error with a stable Code. Unknown
// is not no: when the store cannot be asked the code is CodeUnavailable, never
// CodeUnauthorized.
package identity
