// Command zlib compresses and decompresses with the C library of that name, linked at run time:
//
//	go run ./examples/zlib FILE >FILE.z
//	go run ./examples/zlib -d FILE.z
//
// FILE is "-" for standard input. The library and its libc are in package libraries.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/lockstep-wasm/lockstep/examples/internal/guest"
	"github.com/lockstep-wasm/lockstep/libraries"
)

func main() {
	options := guest.Options{Main: libraries.MainLibc, Library: libraries.Zlib}
	err := command(context.Background(), options, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "zlib:", err)
		os.Exit(1)
	}
}

// command is main without the process around it.
func command(ctx context.Context, options guest.Options, args []string, stdin io.Reader, stdout,
	stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("zlib", flag.ContinueOnError)
	flags.SetOutput(stderr)
	back := flags.Bool("d", false, "decompress")
	level := flags.Int("level", -1, "0 (stored) to 9 (smallest); -1 is zlib's own choice")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: zlib [-d] [-level N] FILE")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		flags.Usage()
		return errors.New("one file is needed")
	}
	src := stdin
	if name := flags.Arg(0); name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }() // it was only read
		src = file
	}
	image, err := guest.Open(ctx, options)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, image.Close(ctx)) }()
	out := bufio.NewWriter(stdout)
	if *back {
		err = decompress(ctx, image.Main(), out, src)
	} else {
		err = compress(ctx, image.Main(), out, src, *level)
	}
	return errors.Join(err, out.Flush())
}
