//go:build unix

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// recorder is a test that may fail without failing the one that watches it.
type recorder struct {
	testing.TB
	failure string
}

func (r *recorder) Helper()                         {}
func (r *recorder) Errorf(form string, args ...any) { r.failure = fmt.Sprintf(form, args...) }
func (r *recorder) Fatal(args ...any) {
	r.failure = fmt.Sprint(args...)
	runtime.Goexit()
}

func TestRunScript(t *testing.T) {
	t.Parallel()
	project := t.TempDir()
	if err := os.CopyFS(filepath.Join(project, "script"), os.DirFS("script")); err != nil {
		t.Fatal(err)
	}
	const imports = `import { ask } from "./script/ask.mjs"
import { step } from "./script/step.mjs"
`
	for name, test := range map[string]struct {
		script string
		want   []string // in the report of the failed test; none if it passes
	}{
		"passes":           {`if (await ask("twice", process.env.WORD) !== "hoho" || await ask("nothing") !== null) throw new Error("no")`, nil},
		"fails in a step":  {`await step("one", () => {}); await step("two", async () => { throw new Error("broken") })`, []string{"exit status 1", "ok: one", "FAILED: two", "broken"}},
		"waits for ever":   {`await new Promise(() => {})`, []string{"exit status 13"}},
		"asks in vain":     {`await ask("nobody")`, []string{"nobody answers the question nobody"}},
		"prints":           {`console.log("hello"); await ask("nothing")`, []string{"this line is no question: hello"}},
		"ends by a signal": {`process.kill(process.pid, "SIGKILL")`, []string{"signal: killed"}},
		"ends the test":    {`await step("one", () => {}); await ask("fatal")`, []string{"an answer ended the test", "ok: one"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			file := strings.ReplaceAll(name, " ", "-") + ".mjs"
			if err := os.WriteFile(filepath.Join(project, file), []byte(imports+test.script), 0o644); err != nil {
				t.Fatal(err)
			}
			r := &recorder{TB: t}
			ended := make(chan struct{})
			go func() {
				defer close(ended)
				RunScript(r, project, file, []string{"WORD=ho"}, Answers{
					"twice":   func(word string) any { return word + word },
					"nothing": func(string) any { return nil },
					"fatal":   func(string) any { r.Fatal("enough"); return nil },
				})
			}()
			<-ended
			if failed := r.failure != ""; failed != (test.want != nil) {
				t.Errorf("failed: %t\n%s", failed, r.failure)
			}
			for _, want := range test.want {
				if !strings.Contains(r.failure, want) {
					t.Errorf("the report does not contain %q:\n%s", want, r.failure)
				}
			}
		})
	}
}
