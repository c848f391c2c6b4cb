//go:build unix

package e2e

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/caddy-commerce/auth-sidecar/identity/identitytest"
)

// Postgres is a PostgreSQL server of its own for one test, on 127.0.0.1.
type Postgres struct {
	*identitytest.Process
	Dir  string // of its data
	addr string
}

// URL returns the address of Medusa's database.
func (p *Postgres) URL() string { return "postgres://medusa@" + p.addr + "/medusa?sslmode=disable" }

// PostgresPrograms returns the folder of the newest PostgreSQL that is installed:
// Debian keeps them side by side and out of the PATH.
func PostgresPrograms(t testing.TB) string {
	t.Helper()
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		t.Fatal(err)
	}
	if len(found) == 0 {
		t.Fatal("PostgreSQL is not installed (make e2e-medusa and e2e-medusa-v1 do it)")
	}
	version := func(dir string) int {
		number, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir)))
		return number
	}
	return slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })
}

// StartPostgres starts PostgreSQL with a copy of the data in that folder, or with
// an empty database if it is "". It ends with the test.
func StartPostgres(t testing.TB, data string) *Postgres {
	t.Helper()
	// Not t.TempDir, below which only the owner of this process gets.
	home, err := os.MkdirTemp("", "auth-sidecar-postgres-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(home) })
	p := &Postgres{Dir: filepath.Join(home, "data")}
	account := serverAccount(t)
	if account != nil {
		if err := os.Chown(home, int(account.Uid), int(account.Gid)); err != nil {
			t.Fatal(err)
		}
	}
	programs := PostgresPrograms(t)
	command := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(programs, name), args...)
		cmd.Dir, cmd.Env = home, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "LANG=C.UTF-8"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: account}
		return cmd
	}
	run := func(cmd *exec.Cmd) {
		t.Helper()
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", cmd.Path, err, out)
		}
	}
	if data == "" {
		run(command("initdb", "-D", p.Dir, "-A", "trust", "-U", "medusa", "-E", "UTF8", "--locale=C.UTF-8"))
	} else if err := CopyTree(data, p.Dir); err != nil {
		t.Fatal(err)
	}
	port := strconv.Itoa(identitytest.FreePort(t))
	p.addr = net.JoinHostPort("127.0.0.1", port)
	// What is lost when the machine fails was made for this test.
	p.Process = identitytest.StartServer(t, command("postgres", "-D", p.Dir, "-p", port,
		"-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"), p.addr)
	ready := func() error {
		return command("pg_isready", "-q", "-h", "127.0.0.1", "-p", port, "-U", "medusa").Run()
	}
	for ready() != nil { // it listens before it has read its log
		select {
		case <-p.Done():
			t.Fatal("PostgreSQL ended before it was ready")
		default:
		}
	}
	if data == "" {
		run(command("createdb", "-h", "127.0.0.1", "-p", port, "-U", "medusa", "medusa"))
	}
	return p
}

// Query returns what a query of Medusa's database yields, unaligned.
func (p *Postgres) Query(t testing.TB, query string) string {
	t.Helper()
	out, err := exec.Command(filepath.Join(PostgresPrograms(t), "psql"), "-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", "-c", query, p.URL()).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", query, err, out)
	}
	return strings.TrimSpace(string(out))
}

// serverAccount is as whom PostgreSQL runs: it refuses to run as root, so there
// it is the user that Debian's package makes. Nil means as ourselves.
func serverAccount(t testing.TB) *syscall.Credential {
	t.Helper()
	if os.Geteuid() != 0 {
		return nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		t.Fatal(err)
	}
	uid, err := strconv.ParseUint(account.Uid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	gid, err := strconv.ParseUint(account.Gid, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// CopyTree copies a folder with owners and modes, which PostgreSQL insists on.
func CopyTree(from, to string) error {
	if out, err := exec.Command("cp", "-a", "--", from, to).CombinedOutput(); err != nil {
		return fmt.Errorf("copying %s: %w: %s", from, err, strings.TrimSpace(string(out)))
	}
	return nil
}
