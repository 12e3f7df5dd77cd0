// Command postgres is a PostgreSQL server in the process: SQL in, rows out, without a network, a
// container or cgo.
//
//	go run ./examples/postgres 'select version()'
//	go run ./examples/postgres -dir DATA -extension hstore 'create extension hstore' "select 'a=>1'::hstore -> 'a'"
//
// It is PGlite's build of PostgreSQL, unchanged from npm, on packages linker and emscripten; its
// extensions are libraries that it loads itself.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/tetratelabs/wazero"
)

func main() {
	err := command(context.Background(), os.Args[1:], os.Stdout, os.Stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "postgres:", err)
		os.Exit(1)
	}
}

// command is main without the process around it.
func command(ctx context.Context, args []string, stdout, stderr io.Writer) (err error) {
	flags := flag.NewFlagSet("postgres", flag.ContinueOnError)
	flags.SetOutput(stderr)
	dir := flags.String("dir", "", "directory that keeps the data; empty for memory")
	cacheDir := flags.String("cache", defaultCache(),
		"directory that keeps compiled code; empty for none")
	extensions := flags.String("extension", "", "names of extensions, separated by commas")
	verbose := flags.Bool("v", false, "show what the server prints")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: postgres [flags] SQL...")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	o := Options{Dir: *dir}
	if *verbose {
		o.Log = stderr
	}
	if *extensions != "" {
		o.Extensions = strings.Split(*extensions, ",")
	}
	if *cacheDir != "" {
		if o.Cache, err = wazero.NewCompilationCacheWithDir(*cacheDir); err != nil {
			return err
		}
		defer func() { err = errors.Join(err, o.Cache.Close(ctx)) }()
	}
	s, err := Open(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close(ctx)) }()
	connector, err := s.Connector()
	if err != nil {
		return err
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, statement := range flags.Args() {
		if err := print(ctx, db, statement, stdout); err != nil {
			return err
		}
	}
	return nil
}

func defaultCache() string {
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "lockstep", "wazero")
}

// print runs a statement and prints its rows, with tabs between the columns.
func print(ctx context.Context, db *sql.DB, statement string, w io.Writer) error {
	rows, err := db.QueryContext(ctx, statement)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	for rows.Next() {
		values, targets := make([]sql.NullString, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := rows.Scan(targets...); err != nil {
			return err
		}
		for i, v := range values {
			if i > 0 {
				fmt.Fprint(w, "\t")
			}
			fmt.Fprint(w, v.String)
		}
		fmt.Fprintln(w)
	}
	return rows.Err()
}
