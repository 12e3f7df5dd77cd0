package main

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lib/pq"
	"github.com/tetratelabs/wazero"
)

// compiled is the code of PostgreSQL, which all tests share: compiling it is most of their time. It
// is on disk, because what is in memory alone goes with the runtime that it was compiled in.
var compiled wazero.CompilationCache

func TestMain(m *testing.M) {
	os.Exit(func() int {
		dir, err := os.MkdirTemp("", "postgres")
		if err != nil {
			panic(err)
		}
		defer os.RemoveAll(dir)
		if compiled, err = wazero.NewCompilationCacheWithDir(dir); err != nil {
			panic(err)
		}
		return m.Run()
	}())
}

// open starts a server and a client.
func open(t *testing.T, o Options) *sql.DB {
	t.Helper()
	ctx := context.Background()
	o.Cache = compiled
	var said bytes.Buffer
	o.Log = &said
	s, err := Open(ctx, o)
	if err != nil {
		t.Fatalf("%v\n%s", err, &said)
	}
	c, err := s.Connector()
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(c)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() {
		if err := errors.Join(db.Close(), s.Close(ctx)); err != nil {
			t.Error(err)
		}
	})
	return db
}

// row returns the first row of a query, as text.
func row(t *testing.T, db interface {
	QueryRow(string, ...any) *sql.Row
}, query string, args ...any) string {
	t.Helper()
	var s string
	if err := db.QueryRow(query, args...).Scan(&s); err != nil {
		t.Errorf("%s: %v", query, err)
	}
	return s
}

// SQL goes in and rows come out, of all kinds: parameters, nulls, many rows, statements that fail,
// and transactions. A library of C that the server loads itself has functions of SQL.
func TestQueries(t *testing.T) {
	db := open(t, Options{Extensions: []string{"hstore"}})
	if s := row(t, db, "select version()"); !strings.HasPrefix(s, "PostgreSQL 18") {
		t.Errorf("version %q", s)
	}
	if s := row(t, db, "select $1::int * 6 || ' ' || coalesce($2, 'nothing')", 7,
		nil); s != "42 nothing" {
		t.Errorf("parameters: %q", s)
	}
	rows, err := db.Query("select i, i::text || repeat('x', 1000) from generate_series(1, 5000) i")
	if err != nil {
		t.Fatal(err)
	}
	sum, bytes := 0, 0
	for rows.Next() {
		var i int
		var s string
		if err := rows.Scan(&i, &s); err != nil {
			t.Fatal(err)
		}
		sum, bytes = sum+i, bytes+len(s)
	}
	if err := rows.Err(); err != nil || sum != 12502500 || bytes != 5018893 {
		t.Errorf("rows: %v, sum %d, %d bytes", err, sum, bytes)
	}
	for range 3 { // a statement that fails leaves the server as it was
		_, err = db.Exec("select 1/0")
		if failed := (*pq.Error)(nil); !errors.As(err, &failed) || failed.Code != "22012" {
			t.Errorf("1/0: %v", err)
		}
	}
	for _, q := range []string{"create table t(a int primary key, b text)",
		"insert into t select i, 'x' || i from generate_series(1, 100) i"} {
		if _, err := db.Exec(q); err != nil {
			t.Fatal(err)
		}
	}
	tx, err := db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec("delete from t where a > $1", 10); err != nil {
		t.Fatal(err)
	}
	if s := row(t, tx, "select count(*) from t"); s != "10" {
		t.Errorf("%s rows in the transaction", s)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if s := row(t, db, "select count(*) || ' ' || max(b) from t where a % 7 = 0"); s != "14 x98" {
		t.Errorf("after it: %s", s)
	}
	if _, err := db.Exec("create extension hstore"); err != nil {
		t.Fatal(err)
	}
	if s := row(t, db, "select ('a=>1, b=>2'::hstore) -> 'b'"); s != "2" {
		t.Errorf("hstore: %q", s)
	}
	if _, err := db.Exec("create extension pg_trgm"); err == nil ||
		!strings.Contains(err.Error(), "pg_trgm") {
		t.Errorf("an extension that was not installed: %v", err)
	}
}

// Clients come one after the other, and none finds what another has left of its session.
func TestSessions(t *testing.T) {
	db := open(t, Options{})
	ctx := context.Background()
	for i := range 3 {
		c, err := db.Conn(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.ExecContext(ctx,
			fmt.Sprintf("create temporary table mine(a int); begin; create table t%d(a int)",
				i)); err != nil {
			t.Fatal(err)
		}
		// The connection is broken within a transaction.
		err = c.Raw(func(any) error { return errBroken })
		if !errors.Is(err, errBroken) {
			t.Fatal(err)
		}
		_ = c.Close()
		db.SetMaxIdleConns(0)
	}
	if s := row(t, db,
		"select count(*) from pg_tables where tablename like 't_' or tablename = 'mine'"); s != "0" {
		t.Errorf("%s tables are left", s)
	}
}

var errBroken = errors.New("broken")

// The data is in a directory of the host, and there again the next time.
func TestKeepsData(t *testing.T) {
	dir := t.TempDir()
	for i, want := range []string{"1", "2"} {
		t.Run(want, func(t *testing.T) {
			db := open(t, Options{Dir: dir})
			if _, err := db.Exec("create table if not exists t(a int)"); err != nil {
				t.Fatal(err)
			}
			if _, err := db.Exec("insert into t values ($1)", i); err != nil {
				t.Fatal(err)
			}
			if s := row(t, db, "select count(distinct a) from t"); s != want {
				t.Errorf("%s rows, want %s", s, want)
			}
		})
	}
}

func TestCommand(t *testing.T) {
	var stdout, stderr bytes.Buffer
	err := command(context.Background(), []string{"-cache", "", "-nonsense"}, &stdout, &stderr)
	if err == nil || !strings.Contains(stderr.String(), "usage: postgres") {
		t.Errorf("%v; %s", err, &stderr)
	}
}

// What initdb runs is split into words as a shell does it.
func TestWords(t *testing.T) {
	for command, want := range map[string]string{
		`"/pglite/bin/postgres" --check -F -c log_checkpoints=false < "/dev/null" > "/dev/null" 2>&1`: "/pglite/bin/postgres|--check|-F|-c|log_checkpoints=false",
		`"/a b" "" c`: "/a b||c",
		``:            "",
	} {
		if got := strings.Join(words(command), "|"); got != want {
			t.Errorf("%s: %q, want %q", command, got, want)
		}
	}
}
