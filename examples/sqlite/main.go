// Command sqlite runs SQL on a database in memory with the C library of that name, linked at run
// time, and prints what the last statement yields:
//
//	go run ./examples/sqlite "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'one'), (2, 'two'); SELECT * FROM t"
//
// Without SQL it is read from standard input. The library and its libc are in package libraries.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/tetratelabs/wazero"
)

func main() {
	if err := command(context.Background(), nil, os.Args[1:], os.Stdin, os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// command is main without the process around it.
func command(ctx context.Context, runtime wazero.RuntimeConfig, args []string, stdin io.Reader,
	stdout io.Writer) (err error) {
	sql := strings.Join(args, " ")
	if len(args) == 0 {
		text, err := io.ReadAll(stdin)
		if err != nil {
			return err
		}
		sql = string(text)
	}
	image, err := openImage(ctx, runtime)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, image.Close(ctx)) }()
	db, err := OpenDB(ctx, image.Main(), Private, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close(ctx)) }()
	rows, err := db.Query(ctx, sql)
	if err != nil {
		return err
	}
	if len(rows.Columns) > 0 {
		_, err = io.WriteString(stdout, render(rows))
	}
	return err
}

// render draws a table.
func render(rows Rows) string {
	w := table.NewWriter()
	w.Style().Format.Header = 0 // as SQL has them
	w.AppendHeader(cells(rows.Columns))
	for _, row := range rows.Rows {
		texts := make([]string, len(row))
		for i, value := range row {
			texts[i] = "NULL"
			if value != nil {
				texts[i] = *value
			}
		}
		w.AppendRow(cells(texts))
	}
	return w.Render() + "\n"
}

func cells(texts []string) table.Row {
	row := make(table.Row, len(texts))
	for i, text := range texts {
		row[i] = text
	}
	return row
}
