package main

import (
	"bufio"
	"errors"
	"io"
	"os"

	"golang.org/x/term"
)

// output is where a command prints. It remembers the first error, so that no command has to look at
// each line that it prints, and none ends well whose output was lost.
type output struct {
	w   io.Writer
	err error
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	if o.err != nil {
		return 0, o.err
	}
	n, err := o.w.Write(p)
	o.err = err
	return n, err
}

// isTerminal reports whether w is a terminal.
func isTerminal(w io.Writer) bool {
	if o, ok := w.(*output); ok {
		w = o.w
	}
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

// resultFile is a file that a command writes when its work is done. It is there before the work
// begins, so that a name that cannot be written does not cost the work; until commit what was there
// before is untouched.
type resultFile struct {
	name string
	temp *os.File // where it is written; nil for what is no regular file, a pipe for instance
	file *os.File
}

// openResult opens a file to write a result to.
func openResult(name string) (*resultFile, error) {
	info, err := os.Stat(name)
	if err == nil && !info.Mode().IsRegular() { // /dev/stdout, a pipe: there is nothing to keep
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		return &resultFile{name: name, file: file}, nil
	}
	if err == nil { // a name that may not be written is an error, although its folder may be
		file, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return nil, err
		}
		if err := file.Close(); err != nil {
			return nil, err
		}
	}
	temp, err := os.OpenFile(name+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o644)
	if err != nil {
		return nil, err
	}
	return &resultFile{name: name, temp: temp, file: temp}, nil
}

// commit writes the file. After an error what was there before is there still.
func (r *resultFile) commit(write func(io.Writer) error) error {
	w := bufio.NewWriter(r.file)
	err := write(w)
	if err == nil {
		err = w.Flush()
	}
	if closed := r.file.Close(); err == nil {
		err = closed
	}
	r.file = nil
	if r.temp == nil {
		return err
	}
	if err == nil {
		err = os.Rename(r.temp.Name(), r.name)
	}
	if err != nil {
		err = errors.Join(err, os.Remove(r.temp.Name()))
	}
	r.temp = nil
	return err
}

// close gives the file up, unless it was committed.
func (r *resultFile) close() error {
	if r == nil || r.file == nil {
		return nil
	}
	err := r.file.Close()
	if r.temp != nil {
		err = errors.Join(err, os.Remove(r.temp.Name()))
	}
	r.file, r.temp = nil, nil
	return err
}
