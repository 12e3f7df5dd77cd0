// Command cplusplus counts the words of a text with a library in C++, linked at run time:
//
//	go run ./examples/cplusplus -n 10 FILE
//
// FILE is "-" for standard input. The library is libraries/src/words; its main module brings
// libc++. -by length sorts with a function in Go, which the C++ code calls.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/tetratelabs/wazero"
)

func main() {
	err := command(context.Background(), nil, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "cplusplus:", err)
		os.Exit(1)
	}
}

// orderOf returns what -by names.
func orderOf(name string) (order Order, ok bool) {
	switch name {
	case "count":
		return nil, true
	case "length":
		return longestFirst, true
	}
	return nil, false
}

// longestFirst sorts by length, then by the alphabet.
func longestFirst(a string, _ uint32, b string, _ uint32) bool {
	if len(a) != len(b) {
		return len(a) > len(b)
	}
	return a < b
}

// command is main without the process around it.
func command(ctx context.Context, runtime wazero.RuntimeConfig, args []string, stdin io.Reader,
	stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("cplusplus", flag.ContinueOnError)
	flags.SetOutput(stderr)
	limit := flags.Uint("n", 0, "how many words to print; 0 is all")
	format := flags.String("format", "table", "table, csv or json")
	by := flags.String("by", "count", "count or length")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: cplusplus [-n N] [-format FORMAT] [-by ORDER] FILE")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	order, ok := orderOf(*by)
	if !ok || flags.NArg() != 1 {
		flags.Usage()
		return errors.New("one file is needed, and an order that is there")
	}
	text := stdin
	if name := flags.Arg(0); name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // it was only read
		text = file
	}
	image, err := openImage(ctx, runtime)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, image.Close(ctx)) }()
	t := image.Main()
	words, err := NewWords(ctx, t)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, words.Close(ctx, t)) }()
	if err := words.Add(ctx, t, text); err != nil {
		return err
	}
	report, err := words.Report(ctx, t, *format, order, uint32(*limit))
	if err != nil {
		return err
	}
	_, err = io.WriteString(stdout, report)
	return err
}
