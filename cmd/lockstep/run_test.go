package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lockstep-wasm/lockstep/internal/process"
)

// A program gets its arguments, variables, folders and libraries, and its status is the command's.
// What it was not given it does not see.
func TestRun(t *testing.T) {
	t.Setenv("LOCKSTEP_TEST", "inherited")
	folder := t.TempDir()
	if err := os.WriteFile(filepath.Join(folder, "hello.txt"), []byte("hello\n"),
		0o644); err != nil {
		t.Fatal(err)
	}
	const program = "testdata/run/program.wasm"
	for _, c := range []struct {
		args   []string
		status int
		stdout string
		stderr []string // parts, in order
	}{
		{[]string{program, "arguments", "--json", "-x"}, 0,
			"0: " + program + "\n1: arguments\n2: --json\n3: -x\n", nil},
		{[]string{program, "variable", "LOCKSTEP_TEST"}, 0, "(unset)\n", nil},
		{[]string{"--env", "LOCKSTEP_TEST", program, "variable", "LOCKSTEP_TEST"}, 0, "inherited\n",
			nil},
		{[]string{"--env", "X=a=b", program, "variable", "X"}, 0, "a=b\n", nil},
		{[]string{program, "file", "/data/hello.txt"}, 5, "no such file\n", nil},
		{[]string{"--dir", folder + ":/data", program, "file", "/data/hello.txt"}, 0, "hello\n",
			nil},
		{[]string{program, "exit", "9"}, 9, "", nil},
		{[]string{program, "return", "8"}, 8, "", nil},
		{[]string{program, "open", "answer.wasm"}, 0, "answer: 42\n", nil},
		{[]string{"--lib", folder, program, "open", "answer.wasm"}, 3,
			"linker: load answer.wasm: library \"answer.wasm\" not found: tried " +
				strings.TrimPrefix(folder, "/") + "/answer.wasm (Config.WithSearchPath, or --lib " +
				"of the command, says where else to look)\n", nil},
		{[]string{program, "trap"}, 126, "",
			[]string{"lockstep: run: " + program + ": wasm error: unreachable"}},
		{[]string{program, "absent"}, 126, "",
			[]string{"lockstep: run: ", program + ": undefined symbol \"absent\""}},
		{[]string{"--trace=files", program, "open", "answer.wasm"}, 0, "answer: 42\n",
			[]string{"files: found  library=answer.wasm", "files: loaded  module=answer.wasm",
				"files: opened"}},
		{[]string{"--trace", "--preload", "answer.wasm", program, "open", "answer.wasm"}, 0,
			"answer: 42\n", []string{"files: found  library=answer.wasm", "bindings: bound",
				"symbols: looked up"}},
		{[]string{"testdata/run/answer.wasm"}, 127, "",
			[]string{"testdata/run/answer.wasm: not a program: it exports no _start"}},
		{[]string{"testdata/run/none.wasm"}, 127, "",
			[]string{"testdata/run/none.wasm: no such file"}},
		{[]string{"testdata/run/program.c"}, 127, "", []string{"testdata/run/program.c: "}},
		{[]string{"--preload", "none.wasm", program}, 127, "",
			[]string{program, "none.wasm", "not found"}},
		{[]string{"--trace=nonsense", program}, 2, "",
			[]string{"no topic \"nonsense\": want files, bindings"}},
		{[]string{"--dir", "testdata/none", program}, 2, "", []string{"--dir: ", "testdata/none"}},
		{[]string{"--dir", program, program}, 2, "",
			[]string{"--dir: " + program + " is not a folder"}},
		{[]string{"--env", "=x", program}, 2, "", []string{"--env: no name"}},
	} {
		status, stdout, stderr := command(t, append([]string{"run"}, c.args...)...)
		if status != c.status || stdout != c.stdout || c.stderr == nil && stderr != "" {
			t.Errorf(
				"%q: status %d, %q, %q; want %d, %q",
				c.args,
				status,
				stdout,
				stderr,
				c.status,
				c.stdout,
			)
		}
		rest := stderr
		for _, want := range c.stderr {
			_, after, ok := strings.Cut(rest, want)
			if !ok {
				t.Errorf("%q: no %q in %q", c.args, want, stderr)
			}
			rest = after
		}
	}
}

// A main module that Emscripten built has Emscripten's system calls, and its libraries are found
// as those of others are.
func TestRunEmscripten(t *testing.T) {
	const program = "../../linker/emscripten/testdata/program.wasm"
	for _, c := range []struct {
		args   []string
		status int
		stdout string
		stderr string
	}{
		{[]string{program, "one", "two"}, 3, "one\ntwo\n", program + "\n"},
		{[]string{program, "exit"}, 2, "", ""},
		{[]string{program, "trap"}, 126, "", "wasm error: unreachable"},
		{[]string{program, "assert"}, 126, "", "assertion failed: x > 0, at program.cpp:7 in main"},
		{[]string{program, "nobody"}, 126, "", "undefined symbol \"nobodys_function\""},
		{[]string{"--preload", "library.wasm", "--dir", ".:/here", program}, 1, "", program + "\n"},
		{[]string{"--preload", "none.wasm", program}, 127, "", "none.wasm"},
	} {
		status, stdout, stderr := command(t, append([]string{"run"}, c.args...)...)
		if status != c.status || stdout != c.stdout || !strings.Contains(stderr, c.stderr) {
			t.Errorf("%q: status %d, %q, %q; want %d, %q, %q", c.args, status, stdout, stderr,
				c.status, c.stdout, c.stderr)
		}
	}
}

// As JSON a run is one value: the status, why it failed, and what the program printed.
func TestRunJSON(t *testing.T) {
	for _, c := range []struct {
		args  []string
		want  ran
		error string
	}{
		{[]string{"testdata/run/program.wasm", "exit", "9"}, ran{Status: 9}, ""},
		{[]string{"testdata/run/program.wasm", "open", "answer.wasm"}, ran{Stdout: "answer: 42\n"},
			""},
		{[]string{"testdata/run/program.wasm", "trap"}, ran{Status: 126}, "unreachable"},
		{[]string{"testdata/run/none.wasm"}, ran{Status: 127}, "no such file"},
	} {
		status, stdout, _ := command(t, append([]string{"run", "--json"}, c.args...)...)
		var got ran
		if err := json.Unmarshal([]byte(stdout), &got); err != nil {
			t.Fatalf("%q: %v in %q", c.args, err, stdout)
		}
		if status != c.want.Status || got.Status != status || got.Stdout != c.want.Stdout ||
			got.Program != c.args[0] || !strings.Contains(got.Error, c.error) ||
			(got.Error == "") != (c.error == "") {
			t.Errorf("%q: status %d, %q", c.args, status, stdout)
		}
	}
}

// A signal ends a command with its status, whatever the command does: one that listens to its
// context, and one that computes for ever.
func TestSignals(t *testing.T) {
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		for name, main := range map[string]process.Main{
			"obedient": func(ctx context.Context, _ []string, _, _ writer) int {
				if err := syscall.Kill(os.Getpid(), s); err != nil {
					t.Error(err)
				}
				<-ctx.Done()
				var stopped *process.SignalError
				if !errors.As(context.Cause(ctx), &stopped) {
					t.Errorf("the cause is %v", context.Cause(ctx))
				}
				return process.StatusSignal + int(stopped.Signal)
			},
			"deaf": func(context.Context, []string, writer, writer) int {
				if err := syscall.Kill(os.Getpid(), s); err != nil {
					t.Error(err)
				}
				select {}
			},
		} {
			var out, errs bytes.Buffer
			if status := process.Supervise(main, nil, &out, &errs); status != 128+int(s) {
				t.Errorf("%s, %s: status %d", s, name, status)
			}
		}
	}
}

// loop is a main module that computes for ever: its _start is "loop br 0 end".
const loop = "\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00" +
	"\x04\x04\x01\x70\x00\x01\x05\x03\x01\x00\x01" +
	"\x07\x2f\x03\x06memory\x02\x00\x19__indirect_function_table\x01\x00\x06_start\x00\x00" +
	"\x0a\x09\x01\x07\x00\x03\x40\x0c\x00\x0b\x0b"

// envMain turns this test's binary into the command.
const envMain = "LOCKSTEP_TEST_MAIN"

func TestMain(m *testing.M) {
	if os.Getenv(envMain) != "" {
		main()
	}
	os.Exit(m.Run())
}

// A program that computes for ever is ended by a signal, and by the operating system: a guest's
// loop can keep every goroutine from running, when the garbage collector waits for it.
func TestSignalsEndLoops(t *testing.T) {
	file := filepath.Join(t.TempDir(), "loop.wasm")
	if err := os.WriteFile(file, []byte(loop), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "run", "--trace", file)
		cmd.Env = append(os.Environ(), envMain+"=1", "GOGC=1")
		stderr, err := cmd.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		if _, err := bufio.NewReader(stderr).ReadString('\n'); err != nil { // it is linked
			t.Fatal(err)
		}
		if err := cmd.Process.Signal(s); err != nil {
			t.Fatal(err)
		}
		err = cmd.Wait()
		state, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
		if !state.Signaled() || state.Signal() != s {
			t.Errorf("after %v: %v", s, err)
		}
	}
}

// fullDevice is where nothing can be written.
type fullDevice struct{}

func (fullDevice) Write([]byte) (int, error) { return 0, syscall.ENOSPC }

// Output that is lost is an error of every command that prints.
func TestOutputErrors(t *testing.T) {
	history := writeHistory(t, 42)
	for _, args := range [][]string{
		{"info", "testdata/run/answer.wasm"},
		{"info", "--json", "testdata/run/answer.wasm"},
		{"ldd", "testdata/run/answer.wasm"},
		{"judge", history},
		{"help"},
		{"record", "--operations", "10"},
	} {
		var errs bytes.Buffer
		status := run(t.Context(), args, fullDevice{}, &errs)
		if status != statusUnable || !strings.Contains(errs.String(), syscall.ENOSPC.Error()) {
			t.Errorf("%q: status %d, %q", args, status, errs.String())
		}
	}
}
