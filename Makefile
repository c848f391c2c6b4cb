# setup    install what is missing for the targets below (Debian packages, as root)
# test     everything that is tested, with the race detector; does the setup first
# e2e-medusa  the same in front of an unmodified Medusa v2, with PostgreSQL and a
#          browser; the first run installs Medusa and takes minutes more
# e2e-medusa-v1  the same in front of an unmodified Medusa v1
# test-faults  what becomes of requests and of what was acknowledged while Redis, the
#          network or the sidecar fails: all of which `test` runs a part
# lint     static analysis, tidiness of go.mod, known vulnerabilities, every Caddyfile
# bench    what a request and a log-in cost, then every benchmark of the packages
# fuzz     every fuzz target for FUZZTIME
# build    a complete Caddy: ./caddy

SHELL := bash
.SHELLFLAGS := -euo pipefail -c

STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
GOVULNCHECK := golang.org/x/vuln/cmd/govulncheck@v1.8.0
FUZZTIME    := 5m

.PHONY: setup test test-faults lint tidy staticcheck caddyfiles vulnerabilities bench fuzz build e2e-medusa e2e-medusa-v1

setup:
	.ci/setup

# The race detector is on for vet too, so that both use the same compiled packages.
test: setup
	@unformatted=$$(gofmt -l .); [ -z "$$unformatted" ] || { echo "gofmt would change:" $$unformatted; exit 1; }
	go vet -race ./...
	go test -race -timeout 20m ./...

# What was counted is in the log of tests that passed.
test-faults: setup
	go vet -race -tags faults ./e2e/faults ./identity/redisstore ./identity/httpapi
	go test -race -tags faults -timeout 30m -run 'TestStore|TestSessions|TestLimits' ./identity/redisstore
	go test -tags faults -count=1 -v -run TenThousand ./identity/httpapi
	go test -race -tags faults -count=1 -v -timeout 45m ./e2e/faults 2>&1 | { grep -vE '^\s*(=== |--- PASS)' || true; }

# Its tests are behind a build tag, so that nothing else needs a Medusa.
e2e-medusa:
	.ci/setup medusa
	go vet -race -tags medusa ./e2e/medusa
	go test -race -tags medusa -timeout 60m ./e2e/medusa

e2e-medusa-v1:
	.ci/setup medusa
	go vet -race -tags medusa ./e2e/medusa-v1
	go test -race -tags medusa -timeout 60m ./e2e/medusa-v1

lint: tidy staticcheck caddyfiles vulnerabilities

tidy:
	go mod tidy -diff

staticcheck:
	go run $(STATICCHECK) -tags medusa,faults ./...

caddyfiles:
	.ci/caddyfiles

vulnerabilities:
	.ci/vulnerabilities $(GOVULNCHECK)

bench: setup
	go test -run '^$$' -bench . -benchtime 1x -timeout 30m ./e2e
	go test -run '^$$' -bench . -benchmem ./identity/... ./caddymodule

fuzz:
	.ci/fuzz $(FUZZTIME)

build:
	go build -trimpath -o caddy ./caddymodule/cmd/caddy
