package main

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
)

// execute runs a command, and returns what it printed with its error.
func execute(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(append([]string{name}, args...), " "), err,
			out)
	}
	return nil
}
