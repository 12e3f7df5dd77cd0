package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/lockstep-wasm/lockstep/linker/modinfo"
)

// FuzzArguments gives the command any arguments, one a line. Whatever they are, they are
// understood, or refused with an error; the commands themselves do not run.
func FuzzArguments(f *testing.F) {
	for _, args := range []string{
		"", "help", "--version", "help\njudge", "nonsense", "judge\n--timeout\n1s\nfile",
		"verify\n--groups=-1", "verify\n-o", "soak\n--seed\n18446744073709551616",
		"trace\ncheck\n--tlc=maybe\nfile", "trace\nrecord\n-o\nfile\n--cancels=false",
		"record\n--operations\n1e6", "completion\nfish", "__complete\njudge\n",
		"inspect\n--\n--file", "-\n--\n-h",
	} {
		f.Add(args)
	}
	f.Fuzz(func(t *testing.T, lines string) {
		root := newRoot()
		stopped := errors.New("the command would run")
		idle(root, stopped)
		var stdout, stderr bytes.Buffer
		root.SetArgs(strings.Split(lines, "\n"))
		root.SetOut(&stdout)
		root.SetErr(&stderr)
		switch err := root.ExecuteContext(t.Context()); {
		case err == nil && stdout.Len()+stderr.Len() == 0:
			t.Error("nothing ran, and nothing was said")
		case err != nil && err.Error() == "":
			t.Error("an error without a text")
		}
	})
}

// idle makes a command, and all that belong to it, do nothing but return an error.
func idle(cmd *cobra.Command, err error) {
	if cmd.RunE != nil {
		cmd.RunE = func(*cobra.Command, []string) error { return err }
	}
	for _, c := range cmd.Commands() {
		idle(c, err)
	}
}

// FuzzInfo shows any bytes.
func FuzzInfo(f *testing.F) {
	for _, file := range []string{"threads/librpath.wasm", "threads/libcounter.wasm",
		"plain/libweak.wasm", "main-exe.wasm"} {
		f.Add(readTestdata(f, file))
	}
	f.Add([]byte(
		"\x00asm\x01\x00\x00\x00\x01\x04\x01\x60\x00\x00\x03\x02\x01\x00\x0a\x0a\x01\x08\x01\xff\xff\xff\xff\x0f\x7f\x0b"))
	f.Fuzz(func(t *testing.T, module []byte) {
		m, err := modinfo.Read(module)
		if err != nil {
			if err.Error() == "" || m != nil {
				t.Errorf("%+v, %q", m, err)
			}
			return
		}
		var out bytes.Buffer
		writeInfo(&out, "file.wasm", m)
		if !strings.HasPrefix(out.String(), "file.wasm: ") {
			t.Errorf("%q", out.String())
		}
	})
}
