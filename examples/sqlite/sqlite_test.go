package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/examples/internal/guest"
	"github.com/lockstep-wasm/lockstep/examples/internal/guesttest"
	"github.com/lockstep-wasm/lockstep/linker"
)

// config shares compiled code among the tests.
var config wazero.RuntimeConfig

func TestMain(m *testing.M) { os.Exit(guesttest.Run(m, &config)) }

// patience is how long a connection waits for others: longer than any test.
const patience = time.Hour

func newImage(t *testing.T) *guest.Image {
	t.Helper()
	image, err := openImage(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := image.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return image
}

// flat writes rows on one line.
func flat(rows Rows) string {
	lines := []string{strings.Join(rows.Columns, ",")}
	for _, row := range rows.Rows {
		var values []string
		for _, v := range row {
			if v == nil {
				values = append(values, "NULL")
			} else {
				values = append(values, *v)
			}
		}
		lines = append(lines, strings.Join(values, ","))
	}
	return strings.Join(lines, "; ")
}

// exercise uses a database of its own.
func exercise(ctx context.Context, thread *guest.Thread) (err error) {
	db, err := OpenDB(ctx, thread, Private, 0)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close(ctx)) }()
	for _, step := range []struct {
		sql  string
		args []any
		want string
	}{
		{"CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT UNIQUE, height REAL)", nil, ""},
		{"INSERT INTO people (name, height) VALUES (?, ?), ('Bo', NULL)", []any{"Ann", 1.75}, ""},
		{"INSERT INTO people VALUES (?, ?, ?)", []any{int64(math.MaxInt64), "Cy", 2}, ""},
		{"SELECT * FROM people ORDER BY id", nil,
			"id,name,height; 1,Ann,1.75; 2,Bo,NULL; 9223372036854775807,Cy,2.0"},
		{"SELECT count(*) AS n, avg(height) FROM people WHERE name >= ?", []any{"B"},
			"n,avg(height); 2,2.0"},
		{"SELECT ? AS a, ? AS b", []any{nil, "ü'x"}, "a,b; NULL,ü'x"},
		{"WITH RECURSIVE f(n, x, y) AS (SELECT 1, 0, 1 UNION ALL SELECT n+1, y, x+y FROM f WHERE " +
			"n < 50) SELECT max(x) AS m FROM f", nil, "m; 7778742049"},
		{"CREATE INDEX by_height ON people (height); BEGIN; DELETE FROM people; ROLLBACK; SELECT " +
			"count(*) AS n FROM people", nil, "n; 3"},
		{"SELECT upper(name) || ':' || printf('%04d', id) AS s FROM people WHERE id < 3 ORDER BY " +
			"name DESC", nil, "s; BO:0002; ANN:0001"},
		{"SELECT json_extract('{\"a\": [1, 2, 3]}', '$.a[2]') AS j", nil, "j; 3"},
		{"CREATE TEMP TABLE t AS SELECT value FROM json_each('[3,1,2]'); SELECT " +
			"group_concat(value) AS g FROM (SELECT value FROM t ORDER BY 1)", nil, "g; 1,2,3"},
		{"PRAGMA integrity_check", nil, "integrity_check; ok"},
		{"-- nothing", nil, ""},
	} {
		rows, err := db.Query(ctx, step.sql, step.args...)
		if err != nil {
			return fmt.Errorf("%s: %w", step.sql, err)
		}
		if got := flat(rows); got != step.want {
			return fmt.Errorf("%s: %q, want %q", step.sql, got, step.want)
		}
	}
	_, err = db.Query(ctx, "INSERT INTO people (name) VALUES ('Ann')")
	if refused := (*Error)(nil); !errors.As(err, &refused) ||
		*refused != (Error{2067, "UNIQUE constraint failed: people.name"}) {
		return fmt.Errorf("a second Ann: %w", err)
	}
	return nil
}

// inEach runs f in n threads at once.
func inEach(t *testing.T, threads []*guest.Thread, f func(thread *guest.Thread) error) {
	t.Helper()
	var wg sync.WaitGroup
	for _, thread := range threads {
		wg.Go(func() {
			if err := f(thread); err != nil {
				t.Errorf("thread %d: %v", thread.ID(), err)
			}
		})
	}
	wg.Wait()
}

func threadsOf(t *testing.T, image *guest.Image, n int) []*guest.Thread {
	t.Helper()
	threads, err := image.Threads(t.Context(), n)
	if err != nil {
		t.Fatal(err)
	}
	return threads
}

// TestOwnDatabases uses one in one thread, and four in four at once.
func TestOwnDatabases(t *testing.T) {
	for _, n := range []int{1, 4} {
		t.Run(fmt.Sprint(n, " threads"), func(t *testing.T) {
			image := newImage(t)
			inEach(t, threadsOf(t, image, n), func(thread *guest.Thread) error {
				for range 3 {
					if err := exercise(t.Context(), thread); err != nil {
						return err
					}
				}
				return nil
			})
		})
	}
}

// count wants a number from a query.
func count(t *testing.T, db *DB, sql string, want int) {
	t.Helper()
	rows, err := db.Query(t.Context(), sql)
	if got := flat(rows); err != nil || got != fmt.Sprintf("n; %d", want) {
		t.Errorf("%s: %q, %v; want %d", sql, got, err, want)
	}
}

// TestSharedDatabase has four threads write to one database at once, each with a connection of its
// own. SQLite's locks keep the transactions apart.
func TestSharedDatabase(t *testing.T) {
	ctx, image := t.Context(), newImage(t)
	threads := threadsOf(t, image, 4)
	db, err := OpenDB(ctx, threads[0], Shared("ledger"), patience)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Query(ctx,
		"CREATE TABLE ledger (thread, n); CREATE TABLE total (n); INSERT INTO total VALUES (0)"); err != nil {
		t.Fatal(err)
	}
	const rounds = 25
	inEach(t, threads, func(thread *guest.Thread) (err error) {
		own, err := OpenDB(ctx, thread, Shared("ledger"), patience)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, own.Close(ctx)) }()
		for n := range rounds {
			if _, err := own.Query(ctx, "BEGIN IMMEDIATE"); err != nil {
				return err
			}
			if _, err := own.Query(ctx, "INSERT INTO ledger VALUES (?, ?)", thread.ID(),
				n); err != nil {
				return err
			}
			if _, err := own.Query(ctx, "UPDATE total SET n = n + 1; COMMIT"); err != nil {
				return err
			}
		}
		return nil
	})
	count(t, db, "SELECT count(*) AS n FROM ledger", 4*rounds)
	count(t, db, "SELECT n FROM total", 4*rounds)
	count(t, db, "SELECT count(*) AS n FROM (SELECT thread FROM ledger GROUP BY thread HAVING "+
		"count(*) = 25 AND max(n) = 24)", 4)
	if err := db.Close(ctx); err != nil {
		t.Error(err)
	}
}

// TestOneConnection has four threads use one connection at once: SQLite's mutexes keep the calls
// apart.
func TestOneConnection(t *testing.T) {
	ctx, image := t.Context(), newImage(t)
	threads := threadsOf(t, image, 4)
	db, err := OpenDB(ctx, threads[0], Private, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Query(ctx, "CREATE TABLE t (a INTEGER)"); err != nil {
		t.Fatal(err)
	}
	inEach(t, threads, func(thread *guest.Thread) error {
		for n := range 50 {
			if _, err := db.In(thread).Query(ctx, "INSERT INTO t VALUES (?)", n); err != nil {
				return err
			}
		}
		return nil
	})
	count(t, db, "SELECT count(*) AS n FROM t", 200)
	count(t, db, "SELECT sum(a) AS n FROM t", 4*49*50/2)
	if err := db.In(threads[3]).Close(ctx); err != nil {
		t.Error(err)
	}
}

// TestLinkWhileQuerying loads a library while three threads use SQLite: they come to safepoints,
// also those that wait for a mutex.
func TestLinkWhileQuerying(t *testing.T) {
	ctx, image := t.Context(), newImage(t)
	threads := threadsOf(t, image, 4)
	db, err := OpenDB(ctx, threads[0], Private, 0)
	if err != nil {
		t.Fatal(err)
	}
	inEach(t, threads, func(thread *guest.Thread) error {
		if thread != threads[0] {
			_, err := db.In(thread).Query(ctx, "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL "+
				"SELECT n+1 FROM c WHERE n < 300) SELECT sum(n), random(), julianday('now') FROM c")
			return err
		}
		for _, name := range []string{"libz.wasm", "liblua.wasm"} {
			if _, err := thread.Open(ctx, name); err != nil {
				return err
			}
		}
		return nil
	})
	version, err := threads[3].Group.Call(ctx, linker.Default, "zlibVersion")
	if err != nil {
		t.Fatal(err)
	}
	if text, err := threads[3].String(uint32(version[0])); text != "1.2.13" || err != nil {
		t.Errorf("zlib %q, %v", text, err)
	}
}

func TestErrors(t *testing.T) {
	ctx, image := t.Context(), newImage(t)
	db, err := OpenDB(ctx, image.Main(), Private, 0)
	if err != nil {
		t.Fatal(err)
	}
	for sql, want := range map[string]Error{
		"SELEC 1":                          {1, `near "SELEC": syntax error`},
		"SELECT * FROM none":               {1, "no such table: none"},
		"SELECT abs(-9223372036854775808)": {1, "integer overflow"},
	} {
		_, err := db.Query(ctx, sql)
		if got := (*Error)(nil); !errors.As(err, &got) || *got != want {
			t.Errorf("%s: error %v, want %v", sql, err, &want)
		}
	}
	if _, err := db.Query(ctx, "SELECT ?", struct{}{}); err == nil {
		t.Error("a struct can be bound")
	}
	if _, err := OpenDB(ctx, image.Main(), "/a/file", 0); err == nil ||
		!strings.Contains(err.Error(), "unable to open database file") {
		t.Errorf("a file: error %v", err)
	}
	if err := db.Close(ctx); err != nil {
		t.Error(err)
	}
}

func TestCommand(t *testing.T) {
	const sql = "CREATE TABLE t (Number, text); INSERT INTO t VALUES (1, 'one'), (2, NULL); " +
		"SELECT * FROM t"
	const want = `+--------+------+
| Number | text |
+--------+------+
| 1      | one  |
| 2      | NULL |
+--------+------+
`
	for _, args := range [][]string{{sql}, nil} {
		var out bytes.Buffer
		if err := command(t.Context(), config, args, strings.NewReader(sql), &out); err != nil ||
			out.String() != want {
			t.Errorf("prints\n%s%v; want\n%s", &out, err, want)
		}
	}
	if err := command(t.Context(), config, []string{"no", "SQL"}, nil, io.Discard); err == nil {
		t.Error("no error")
	}
}
