package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// row is what was counted for a kind of input.
type row struct {
	kind      kind
	sizes     [3]int // each twice the one before
	work      [3]uint64
	engine    [3]uint64 // statements of wazero
	allocated [3]uint64
}

// What has counters: the linker, the maps that it uses, and for the table the engine.
const (
	ours   = module + "/linker/..."
	maps   = "github.com/benbjohnson/immutable"
	engine = wazeroModule + "/..."

	module       = "github.com/lockstep-wasm/lockstep"
	wazeroModule = "github.com/tetratelabs/wazero"
)

// measureAll builds this program with counters in some packages and measures kinds at three sizes.
func measureAll(ctx context.Context, all []kind, packages ...string) ([]row, error) {
	dir, err := os.MkdirTemp("", "work")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	program := filepath.Join(dir, "work")
	build := exec.CommandContext(ctx, "go", "build", "-cover", "-covermode=atomic",
		"-coverpkg="+strings.Join(packages, ","), "-o", program, module+"/linker/internal/work")
	if out, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("go build -cover: %w\n%s", err, out)
	}
	var rows []row
	for _, k := range all {
		r := row{kind: k}
		for i := range r.sizes {
			r.sizes[i] = k.size << i
			counters := filepath.Join(dir, fmt.Sprint(len(rows), "-", i))
			if err := r.measure(ctx, program, counters, i); err != nil {
				return nil, fmt.Errorf("%s, size %d: %w", k.name, r.sizes[i], err)
			}
		}
		rows = append(rows, r)
	}
	return rows, nil
}

// measure runs the program with counters for one size.
func (r *row) measure(ctx context.Context, program, dir string, i int) error {
	if err := os.Mkdir(dir, 0o777); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, program, "-kind", r.kind.name, "-size",
		strconv.Itoa(r.sizes[i]), "-dir", dir)
	cmd.Env = append(os.Environ(), "GOCOVERDIR="+filepath.Dir(program))
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return err
	}
	if r.allocated[i], err = strconv.ParseUint(strings.TrimSpace(string(out)), 10, 64); err != nil {
		return err
	}
	text := filepath.Join(dir, "text")
	convert := exec.CommandContext(ctx, "go", "tool", "covdata", "textfmt", "-i", dir, "-o", text)
	if out, err := convert.CombinedOutput(); err != nil {
		return fmt.Errorf("go tool covdata: %w\n%s", err, out)
	}
	profile, err := os.ReadFile(text)
	if err != nil {
		return err
	}
	r.work[i], r.engine[i], err = sum(profile)
	return err
}

// sum adds up how often the statements of a profile were executed: ours, and the engine's. A line
// is, for instance, "example.com/p/file.go:1.2,3.4 5 6": five statements, executed six times.
func sum(profile []byte) (work, engine uint64, err error) {
	lines := bufio.NewScanner(bytes.NewReader(profile))
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) != 3 {
			continue // the mode
		}
		statements, err := strconv.ParseUint(fields[1], 10, 64)
		if err != nil {
			return 0, 0, err
		}
		times, err := strconv.ParseUint(fields[2], 10, 64)
		if err != nil {
			return 0, 0, err
		}
		if strings.HasPrefix(fields[0], wazeroModule) {
			engine += statements * times
		} else {
			work += statements * times
		}
	}
	return work, engine, lines.Err()
}

// table is the table of spec/work.md.
func table(rows []row) string {
	var b strings.Builder
	b.WriteString("| input | size | statements | by doubling twice | bytes allocated | the " +
		"engine's statements |\n")
	b.WriteString("| --- | --- | --- | --- | --- | --- |\n")
	for _, r := range rows {
		fmt.Fprintf(&b, "| %s | %d %s | %s | %s | %s | %s |\n", r.kind.name, r.sizes[0],
			r.kind.unit, thousands(r.work[0]), growth(r.work), growth(r.allocated),
			growth(r.engine))
	}
	return b.String()
}

// growth says by how much something has grown with each doubling.
func growth(v [3]uint64) string {
	return fmt.Sprintf("× %.2f, × %.2f", ratio(v[1], v[0]), ratio(v[2], v[1]))
}

func ratio(a, b uint64) float64 { return float64(a) / float64(max(b, 1)) }

func thousands(n uint64) string { return strconv.FormatUint((n+500)/1000, 10) + ",000" }
