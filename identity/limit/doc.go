// Package limit counts what strangers do, in buckets by client, by account and in
// all: on all nodes together, and within one process where they cannot be asked.
package limit
