package caddymodule

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"strings"
)

// loadEnvFiles sets the variables of the files that are not in the environment, as
// --envfile of Caddy's own commands does, which Caddy does not export.
func loadEnvFiles(files []string) error {
	for _, name := range files {
		if err := loadEnvFile(name); err != nil {
			return fmt.Errorf("loading additional environment variables: %w", err)
		}
	}
	return nil
}

func loadEnvFile(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	defer file.Close()
	variables, err := parseEnv(file)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	for key, value := range variables {
		if _, set := os.LookupEnv(key); set {
			continue
		}
		if err := os.Setenv(key, value); err != nil {
			return err
		}
	}
	return nil
}

// parseEnv reads lines KEY=VALUE as Caddy does: comments, `export `, and values in
// quotes, which may have several lines. Its errors show no value.
func parseEnv(in io.Reader) (map[string]string, error) {
	variables := make(map[string]string)
	lines := bufio.NewScanner(in)
	for n := 1; lines.Scan(); n++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		key, value, found := strings.Cut(line, "=")
		key = strings.TrimPrefix(key, "export ")
		switch {
		case !found:
			return nil, fmt.Errorf("line %d is not KEY=VALUE", n)
		case key == "" || strings.Contains(key, " "):
			return nil, fmt.Errorf("line %d: the name is empty or has a space", n)
		case strings.HasPrefix(value, " ") || strings.HasPrefix(value, "\t"):
			return nil, fmt.Errorf("line %d: a space before the value", n)
		}
		if before, _, commented := strings.Cut(value, "#"); commented {
			value = strings.TrimRight(before, " \t")
		}
		if value != "" && (value[0] == '"' || value[0] == '\'') {
			quote := value[:1]
			for !strings.HasSuffix(line, quote) || strings.HasSuffix(line, `\`+quote) {
				value = strings.ReplaceAll(value, `\`+quote, quote)
				if !lines.Scan() {
					break
				}
				n++
				line = strings.ReplaceAll(lines.Text(), `\`+quote, quote)
				value += "\n" + line
			}
			value = strings.TrimSuffix(strings.TrimPrefix(value, quote), quote)
		}
		variables[key] = value
	}
	return variables, lines.Err()
}
