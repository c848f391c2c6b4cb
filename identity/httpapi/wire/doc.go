// Package wire reads requests and writes JSON as Medusa does, in both of its dialects:
// what Express's body parser and JavaScript's JSON have in them, whatever the routes
// make of it.
package wire
