//go:build unix

package e2e

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// scriptTimeout ends a script that hangs. None comes near it.
const scriptTimeout = 4 * time.Minute

// Answers are what a script may ask its test for while it runs, by name. They
// are called by the goroutine of the test. A nil answer means that it was done.
type Answers map[string]func(argument string) any

// ClientProject is a NodeProject with the packages of client/ and the scripts
// of the folders script/, sdk/ and browser/.
func ClientProject(t testing.TB) string {
	t.Helper()
	return NodeProject(t, "client", map[string]string{"script": "script", "sdk": "sdk", "browser": "browser"})
}

// RunScript runs a script of the project with further environment variables
// (NAME=value), answers its questions (script/ask.mjs), and returns when it has
// ended. A script that fails fails the test, which then shows what it wrote.
func RunScript(t testing.TB, project, script string, env []string, answers Answers) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), scriptTimeout)
	defer cancel()
	node := exec.CommandContext(ctx, "node", script)
	node.Dir, node.Env = project, append(os.Environ(), env...)
	var stderr strings.Builder
	node.Stderr = &stderr
	err := errors.New("an answer ended the test")
	defer func() {
		if err != nil {
			t.Errorf("%s: %v\n%s", script, err, stderr.String())
		}
	}()
	err = attend(node, answers)
}

// attend runs a script and answers its questions.
func attend(script *exec.Cmd, answers Answers) error {
	stdin, err := script.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := script.StdoutPipe()
	if err != nil {
		return err
	}
	if err := script.Start(); err != nil {
		return err
	}
	ended := false
	end := func() error {
		ended = true
		return script.Wait()
	}
	defer func() {
		if !ended { // an answer ended the test
			_ = script.Process.Kill()
			_ = end()
		}
	}()
	if err := converse(stdout, stdin, answers); err != nil {
		_ = script.Process.Kill() // it may wait for an answer
		return errors.Join(err, end())
	}
	return end()
}

// question is a line that a script prints.
type question struct {
	Ask      string `json:"ask"`
	Argument string `json:"argument"`
}

// converse answers questions until there are no more.
func converse(questions io.Reader, replies io.Writer, answers Answers) error {
	lines := bufio.NewScanner(questions)
	for lines.Scan() {
		var q question
		if err := json.Unmarshal(lines.Bytes(), &q); err != nil {
			return errors.New("this line is no question: " + lines.Text())
		}
		answer, ok := answers[q.Ask]
		if !ok {
			return errors.New("nobody answers the question " + q.Ask)
		}
		reply, err := json.Marshal(answer(q.Argument))
		if err != nil {
			return err
		}
		if _, err := replies.Write(append(reply, '\n')); err != nil {
			return err
		}
	}
	return lines.Err()
}
