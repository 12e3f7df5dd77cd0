package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/examples/internal/guest"
	"github.com/lockstep-wasm/lockstep/libraries"
)

// Constants of sqlite3.h.
const (
	resultOK   = 0
	resultRow  = 100
	resultDone = 101

	openReadWrite = 0x2
	openCreate    = 0x4
	openURI       = 0x40

	typeNull = 5

	destructorTransient = 0xFFFFFFFF // SQLITE_TRANSIENT: copy what is bound
)

// Private is the name of a database that only its connection has.
const Private = ":memory:"

// Shared returns the name of a database in memory that all connections with that name have, in all
// threads of an image. It lives as long as one of them is open.
func Shared(name string) string { return "file:/" + name + "?vfs=memdb" }

// Error is a refusal of SQLite's.
type Error struct {
	Code    int // for instance SQLITE_CONSTRAINT_UNIQUE (2067)
	Message string
}

// Error implements the error interface.
func (e *Error) Error() string { return fmt.Sprintf("sqlite: %s (code %d)", e.Message, e.Code) }

// openImage links SQLite. It reads the real time.
func openImage(ctx context.Context, runtime wazero.RuntimeConfig) (*guest.Image, error) {
	return guest.Open(ctx,
		guest.Options{Main: libraries.MainLibc, Library: libraries.SQLite, Runtime: runtime,
			Module: wazero.NewModuleConfig().WithSysWalltime().WithSysNanotime().
				WithSysNanosleep()})
}

// DB is a connection. Connections may be used in several threads, but what is queried in one call
// of Query is one thread's.
type DB struct {
	thread *guest.Thread
	handle uint32 // sqlite3 *
}

// OpenDB opens a connection to a database in memory, [Private] or [Shared]. It waits for other
// connections' transactions for as long as busy says.
func OpenDB(ctx context.Context, t *guest.Thread, name string, busy time.Duration) (db *DB,
	err error) {
	path, err := t.CString(ctx, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.Free(ctx, path)) }()
	result, err := t.Alloc(ctx, 4)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, t.Free(ctx, result)) }()
	code, err := t.Call(ctx, "sqlite3_open_v2", path, result, openReadWrite|openCreate|openURI, 0)
	if err != nil {
		return nil, err
	}
	handle, err := t.Uint32(result)
	if err != nil {
		return nil, err
	}
	db = &DB{thread: t, handle: handle}
	if err := db.check(ctx, code); err != nil {
		return nil, errors.Join(err, db.Close(ctx))
	}
	if _, err := t.Call(ctx, "sqlite3_extended_result_codes", handle, 1); err != nil {
		return nil, err
	}
	_, err = t.Call(ctx, "sqlite3_busy_timeout", handle, uint32(busy.Milliseconds()))
	return db, err
}

// In returns the same connection, for use in another thread.
func (db *DB) In(t *guest.Thread) *DB { return &DB{thread: t, handle: db.handle} }

// Close closes the connection. All its queries have ended.
func (db *DB) Close(ctx context.Context) error {
	code, err := db.thread.Call(context.WithoutCancel(ctx), "sqlite3_close", db.handle)
	if err == nil && code != resultOK {
		err = &Error{Code: int(code), Message: "the connection is in use"}
	}
	return err
}

// check makes an error of a result code.
func (db *DB) check(ctx context.Context, code uint32) error {
	switch code {
	case resultOK, resultRow, resultDone:
		return nil
	}
	p, err := db.thread.Call(ctx, "sqlite3_errmsg", db.handle)
	if err != nil {
		return err
	}
	message, err := db.thread.String(p)
	if err != nil {
		return err
	}
	return &Error{Code: int(code), Message: message}
}

// Rows is the result of a statement: names of columns, and values as text, nil for NULL.
type Rows struct {
	Columns []string
	Rows    [][]*string
}

// Query runs the statements of an SQL text and returns what the last one yields. args are the
// values of its parameters: nil, int, int64, float64 or string.
func (db *DB) Query(ctx context.Context, sql string, args ...any) (rows Rows, err error) {
	t := db.thread
	text, err := t.CString(ctx, sql)
	if err != nil {
		return Rows{}, err
	}
	defer func() { err = errors.Join(err, t.Free(ctx, text)) }()
	results, err := t.Alloc(ctx, 8) // the statement, and where the next one begins
	if err != nil {
		return Rows{}, err
	}
	defer func() { err = errors.Join(err, t.Free(ctx, results)) }()
	for next := text; ; {
		left := uint32(len(sql)) - (next - text)
		code, err := t.Call(ctx, "sqlite3_prepare_v2", db.handle, next, left, results, results+4)
		if err == nil {
			err = db.check(ctx, code)
		}
		if err != nil {
			return Rows{}, err
		}
		handle, err := t.Uint32(results)
		if err != nil {
			return Rows{}, err
		}
		if next, err = t.Uint32(results + 4); err != nil {
			return Rows{}, err
		}
		if handle == 0 { // nothing, or a comment
			return rows, nil
		}
		st := &statement{db: db, handle: handle}
		if rows, err = st.run(ctx, args); err != nil {
			return Rows{}, err
		}
	}
}

// statement is an sqlite3_stmt.
type statement struct {
	db     *DB
	handle uint32
}

// run binds, steps and finalizes.
func (s *statement) run(ctx context.Context, args []any) (rows Rows, err error) {
	defer func() {
		// It returns the error of the last step again.
		_, end := s.db.thread.Call(context.WithoutCancel(ctx), "sqlite3_finalize", s.handle)
		err = errors.Join(err, end)
	}()
	want, err := s.call(ctx, "sqlite3_bind_parameter_count")
	if err != nil {
		return Rows{}, err
	}
	for i := range min(int(want), len(args)) {
		if err := s.bind(ctx, uint64(i+1), args[i]); err != nil {
			return Rows{}, err
		}
	}
	n, err := s.call(ctx, "sqlite3_column_count")
	if err != nil {
		return Rows{}, err
	}
	for i := range n {
		name, err := s.string(ctx, "sqlite3_column_name", i)
		if err != nil {
			return Rows{}, err
		}
		rows.Columns = append(rows.Columns, name)
	}
	for {
		code, err := s.call(ctx, "sqlite3_step")
		if err == nil {
			err = s.db.check(ctx, code)
		}
		if err != nil || code != resultRow {
			return rows, err
		}
		row, err := s.row(ctx, n)
		if err != nil {
			return Rows{}, err
		}
		rows.Rows = append(rows.Rows, row)
	}
}

// row reads the values of the present row.
func (s *statement) row(ctx context.Context, n uint32) ([]*string, error) {
	row := make([]*string, n)
	for i := range n {
		kind, err := s.call(ctx, "sqlite3_column_type", uint64(i))
		if err != nil {
			return nil, err
		}
		if kind == typeNull {
			continue
		}
		text, err := s.string(ctx, "sqlite3_column_text", i)
		if err != nil {
			return nil, err
		}
		row[i] = &text
	}
	return row, nil
}

func (s *statement) call(ctx context.Context, name string, args ...uint64) (uint32, error) {
	return s.db.thread.CallWide(ctx, name, append([]uint64{uint64(s.handle)}, args...)...)
}

func (s *statement) string(ctx context.Context, name string, column uint32) (string, error) {
	p, err := s.call(ctx, name, uint64(column))
	if err != nil {
		return "", err
	}
	return s.db.thread.String(p)
}

// bind gives a parameter, counted from 1, its value.
func (s *statement) bind(ctx context.Context, i uint64, value any) (err error) {
	var code uint32
	switch v := value.(type) {
	case nil:
		code, err = s.call(ctx, "sqlite3_bind_null", i)
	case int:
		code, err = s.call(ctx, "sqlite3_bind_int64", i, uint64(v))
	case int64:
		code, err = s.call(ctx, "sqlite3_bind_int64", i, uint64(v))
	case float64:
		code, err = s.call(ctx, "sqlite3_bind_double", i, api.EncodeF64(v))
	case string:
		if len(v) > math.MaxInt32 {
			return fmt.Errorf("sqlite: parameter %d: a text of %d bytes", i, len(v))
		}
		text, err := s.db.thread.CString(ctx, v)
		if err != nil {
			return err
		}
		code, err = s.call(ctx, "sqlite3_bind_text", i, uint64(text), uint64(len(v)),
			destructorTransient)
		if err := errors.Join(err, s.db.thread.Free(ctx, text)); err != nil {
			return err
		}
	default:
		return fmt.Errorf("sqlite: parameter %d: a %T cannot be bound", i, value)
	}
	if err != nil {
		return err
	}
	return s.db.check(ctx, code)
}
