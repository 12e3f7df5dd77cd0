package tla

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// EnvJar is the environment variable that names TLC's jar file.
const EnvJar = "TLA2TOOLS_JAR"

// Errors of finding TLC.
var (
	// ErrNoTLC means that TLC is not installed.
	ErrNoTLC = errors.New("tla: TLC not found")
	// ErrNoJava means that TLC was found but Java was not.
	ErrNoJava = errors.New("tla: java not found")
)

// Tool is an installed TLC: a jar and the Java to run it with, or a command that does both.
type Tool struct {
	// Java and Jar are set for a jar.
	Java, Jar string
	// Wrapper is set for a command "tlc".
	Wrapper string
	// Source says where it was found, for people.
	Source string
}

// Locator finds TLC. Its fields stand for the world outside, so that tests can choose one; nil
// fields mean the real one.
type Locator struct {
	// Getenv is [os.Getenv].
	Getenv func(string) string
	// LookPath is [exec.LookPath].
	LookPath func(string) (string, error)
	// Dir is the folder of the specifications; its tools/tla2tools.jar is used where it exists.
	Dir string
	// Tools is the folder of the jar, if it is another one than tools in Dir.
	Tools string
}

// JarFile is where [Locator.Find] looks for TLC's jar, and where [Download] puts it.
func (l Locator) JarFile() string {
	if l.Tools != "" {
		return filepath.Join(l.Tools, "tla2tools.jar")
	}
	return filepath.Join(l.Dir, "tools", "tla2tools.jar")
}

// Find returns the first of: the jar that [EnvJar] names, [Locator.JarFile], a command tlc on PATH.
// Errors wrap [ErrNoTLC] or [ErrNoJava]. A jar that [EnvJar] names and that is not there is an
// error, not a reason to use another.
func (l Locator) Find() (Tool, error) {
	getenv, lookPath := l.Getenv, l.LookPath
	if getenv == nil {
		getenv = os.Getenv
	}
	if lookPath == nil {
		lookPath = exec.LookPath
	}
	withJava := func(t Tool) (Tool, error) {
		java, err := lookPath("java")
		if err != nil {
			return Tool{}, fmt.Errorf("%w: %s needs Java 11 or newer: %w", ErrNoJava, t.Jar, err)
		}
		t.Java = java
		return t, nil
	}
	if jar := getenv(EnvJar); jar != "" {
		if _, err := os.Stat(jar); err != nil {
			return Tool{}, fmt.Errorf("%w: %s: %w", ErrNoTLC, EnvJar, err)
		}
		// TLC runs in the folder of the specifications.
		absolute, err := filepath.Abs(jar)
		if err != nil {
			return Tool{}, fmt.Errorf("%w: %s: %w", ErrNoTLC, EnvJar, err)
		}
		return withJava(Tool{Jar: absolute, Source: EnvJar})
	}
	switch _, err := os.Stat(l.JarFile()); {
	case err == nil:
		absolute, err := filepath.Abs(l.JarFile())
		if err != nil {
			return Tool{}, fmt.Errorf("%w: %w", ErrNoTLC, err)
		}
		return withJava(Tool{Jar: absolute, Source: l.JarFile()})
	case !errors.Is(err, fs.ErrNotExist):
		return Tool{}, fmt.Errorf("%w: %w", ErrNoTLC, err)
	}
	if wrapper, err := lookPath("tlc"); err == nil {
		return Tool{Wrapper: wrapper, Source: "PATH"}, nil
	}
	return Tool{}, fmt.Errorf("%w: set %s, put the jar at %s, or install a command tlc", ErrNoTLC,
		EnvJar, l.JarFile())
}

// progressSeconds is how often TLC reports; its own default is once a minute.
const progressSeconds = 5

// Command returns a command that runs TLC with the arguments. temporary is a folder of that run
// alone: TLC up to 1.7.4 unpacks the standard modules under their own names to Java's folder for
// temporary files, and removes them when it ends, so that runs at the same time would take them
// away from each other. A Wrapper has its own ideas of that.
func (t Tool) Command(ctx context.Context, temporary string, args ...string) *exec.Cmd {
	return t.java(ctx, temporary, "tlc2.TLC", args...)
}

// Server returns a command that runs the server of TLC's distributed mode, to which workers on this
// and other machines connect. temporary is as for Command. It needs the jar: the error wraps
// [ErrNoTLC] where TLC is a command.
func (t Tool) Server(ctx context.Context, temporary string, args ...string) (*exec.Cmd, error) {
	if t.Jar == "" {
		return nil, fmt.Errorf("%w: the distributed mode needs the jar: set %s", ErrNoTLC, EnvJar)
	}
	return t.java(ctx, temporary, "tlc2.tool.distributed.TLCServer", args...), nil
}

func (t Tool) java(ctx context.Context, temporary, class string, args ...string) *exec.Cmd {
	if t.Wrapper != "" {
		return exec.CommandContext(ctx, t.Wrapper, args...)
	}
	java := []string{"-XX:+UseParallelGC", "-Djava.io.tmpdir=" + temporary,
		fmt.Sprintf("-Dtlc2.TLC.progressInterval=%d", progressSeconds), "-cp", t.Jar, class}
	return exec.CommandContext(ctx, t.Java, append(java, args...)...)
}
