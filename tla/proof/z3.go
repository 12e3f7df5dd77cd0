package proof

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// Errors of the solver.
var (
	// ErrNoSolver means that z3 is not installed.
	ErrNoSolver = errors.New("proof: z3 is not on PATH: install it (Debian and Ubuntu: apt-get " +
		"install z3; Homebrew: brew install z3)")
	// ErrSolver means that z3 failed, or did not understand what it was asked: neither is an
	// answer.
	ErrSolver = errors.New("proof: z3 failed")
)

// Answer is what z3 says of a script.
type Answer string

// The answers.
const (
	Unsat   Answer = "unsat"   // impossible: the obligation is proved
	Sat     Answer = "sat"     // possible
	Unknown Answer = "unknown" // z3 gave up, or its time was over
)

// Solver runs z3, a process for each question. Its methods may be called from any goroutine.
type Solver struct {
	// Path is the program.
	Path string
	// Version is what it calls itself, such as "4.8.12".
	Version string
	// Limit is how long one question may take, in whole seconds; at least one. A question that
	// takes longer is [Unknown].
	Limit time.Duration
}

// FindSolver finds z3 on PATH. The error wraps [ErrNoSolver] or [ErrSolver].
func FindSolver(ctx context.Context, limit time.Duration) (Solver, error) {
	path, err := exec.LookPath("z3")
	if err != nil {
		return Solver{}, ErrNoSolver
	}
	out, err := exec.CommandContext(ctx, path, "--version").Output()
	words := strings.Fields(string(out)) // Z3 version 4.8.12 - 64 bit
	if err != nil {
		return Solver{}, fmt.Errorf("%w: %s --version: %w", ErrSolver, path, err)
	}
	if len(words) < 3 || words[1] != "version" {
		return Solver{}, fmt.Errorf("%w: %s --version says %q", ErrSolver, path, out)
	}
	return Solver{Path: path, Version: words[2], Limit: limit}, nil
}

// memory is how much of it z3 may use, in megabytes.
const memory = 2048

// Ask asks z3 about a script that ends with (check-sat) and may ask for values after it. It returns
// the answer and what z3 printed after it. Errors wrap [ErrSolver], or are the context's.
func (z Solver) Ask(ctx context.Context, script string) (Answer, string, error) {
	seconds := max(1, int(z.Limit/time.Second))
	command := exec.CommandContext(ctx, z.Path, "-in", "-smt2", fmt.Sprintf("-T:%d", seconds),
		fmt.Sprintf("-memory:%d", memory))
	command.Stdin = strings.NewReader(script)
	command.WaitDelay = time.Second
	var out bytes.Buffer
	command.Stdout, command.Stderr = &out, &out
	// z3's exit status tells nothing that its output does not: it fails, for one, when values are
	// asked for after unsat.
	failure := command.Run()
	if err := ctx.Err(); err != nil {
		return Unknown, "", err
	}
	first, rest, _ := strings.Cut(out.String(), "\n")
	switch answer := Answer(strings.TrimSpace(first)); answer {
	case Sat, Unsat:
		return answer, rest, nil
	case Unknown, "timeout":
		return Unknown, "", nil
	}
	if strings.Contains(out.String(), "out of memory") {
		return Unknown, "", nil
	}
	if failure != nil && first == "" {
		return Unknown, "", fmt.Errorf("%w: %w", ErrSolver, failure)
	}
	return Unknown, "", fmt.Errorf("%w: %s", ErrSolver, first)
}
