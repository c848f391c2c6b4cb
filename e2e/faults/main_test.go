//go:build unix

package faults

import (
	"os"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/e2e"
)

func TestMain(m *testing.M) { os.Exit(e2e.Main(m)) }
