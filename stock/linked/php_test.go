package linked

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/linker/emscripten"
	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
	"github.com/lockstep-wasm/lockstep/stock"
)

// phpScript uses PHP itself and two extensions in C.
const phpScript = `?><?php
$db = new SQLite3(":memory:");
$db->exec("create table t (a); insert into t values (40), (2)");
$sum = $db->querySingle("select sum(a) from t");
echo PHP_VERSION, " ", $sum, " ", mb_strtoupper("größe"), " ", md5("abc"), " ",
  json_encode(array_map(fn($x) => $x ** 2, [1, 2, 3]));`

const phpPrints = "42 GRÖSSE 900150983cd24fb0d6963f7d28e17f72 [1,4,9]"

// Each version of PHP runs a script that uses SQLite and mbstring, which it opens itself, in the
// interpreter: all but one with -all only, since each is large.
func TestPHPVersions(t *testing.T) {
	if testing.Short() {
		t.Skip("it interprets an interpreter")
	}
	versions := []string{"8.3"}
	if *all {
		versions = []string{"8.0", "8.1", "8.2", "8.3", "8.4", "8.5"}
	}
	var rows []string
	for _, version := range versions {
		t.Run(version, func(t *testing.T) {
			got := runPHP(t, version)
			number, rest, _ := strings.Cut(got, " ")
			if !strings.HasPrefix(number, version+".") || rest != phpPrints {
				t.Errorf("%q", got)
			}
			rows = append(rows, fmt.Sprintf("| %s | `%s` |", number, rest))
		})
	}
	table := "| PHP | prints |\n| --- | --- |\n" + strings.Join(rows, "\n") + "\n"
	if *all {
		written(t, "php", table)
	} else if text, err := os.ReadFile(workloads); err != nil ||
		!strings.Contains(string(text), rows[0]) {
		t.Errorf("%s has not %s (%v): make side-modules", path.Base(workloads), rows[0], err)
	}
}

// runPHP runs the script and returns what it prints.
func runPHP(t *testing.T, version string) string {
	t.Helper()
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx,
		wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(linker.Features))
	defer rt.Close(ctx)
	script, err := stock.Read("php-wasm/php" + version + "-node.mjs")
	if err != nil {
		t.Fatal(err)
	}
	wasm, err := stock.Read("php-wasm/" + string(regexp.MustCompile(`[0-9a-f]{40}\.wasm`).Find(
		script)))
	if err != nil {
		t.Fatal(err)
	}
	fsys := vfs.New()
	for _, dir := range []string{"/tmp", "/home", "/preload", "/persist", "/usr/lib"} {
		if err := fsys.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	var ini string
	for _, file := range []string{"php-wasm-libxml/libxml2.so", "php-wasm-sqlite/libsqlite3.so",
		"php-wasm-mbstring/libonig.so", "php-wasm-sqlite/php" + version + "-sqlite.so",
		"php-wasm-mbstring/php" + version + "-mbstring.so"} {
		b, err := stock.Read(file)
		if err != nil {
			t.Fatal(err)
		}
		at := "/usr/lib/" + path.Base(file)
		if err := fsys.WriteFile(at, b, 0o755); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(path.Base(file), "lib") {
			names = append(names, path.Base(file))
		} else {
			ini += fmt.Sprintf("extension=%s\n", at)
		}
	}
	if err := fsys.WriteFile("/php.ini", []byte(ini), 0o644); err != nil {
		t.Fatal(err)
	}
	lc := config("php").WithSearchPath("usr/lib").WithPreload(names...).
		WithGlobal("__asyncify_state", api.ValueTypeI32, true, 0).
		WithGlobal("__asyncify_data", api.ValueTypeI32, true, 0).
		WithData("phpdbg_globals", make([]byte, 4096), 16)
	var out bytes.Buffer
	c := emscripten.NewConfig().WithFS(fsys).WithStdio(nil, &out, &out).WithEnv("HOME", "/home")
	_, blocks, _ := bytes.Cut(script, []byte("ASM_CONSTS={"))
	for _, m := range regexp.MustCompile(`[{,](\d{6,8}):`).FindAllSubmatch(append([]byte("{"),
		blocks...), -1) {
		block, err := strconv.ParseUint(string(m[1]), 10, 32)
		if err != nil {
			t.Fatal(err)
		}
		c = c.WithBlock(uint32(block), func(context.Context, string, []uint64) uint64 { return 0 })
	}
	p, err := emscripten.Start(ctx, rt, wasm, lc, c)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close(ctx)
	call := func(name string, args ...uint64) {
		if _, err := p.Call(ctx, name, args...); err != nil {
			t.Fatalf("%s: %v\n%s", name, err, &out)
		}
	}
	text := func(s string) uint64 {
		at, err := p.NewString(ctx, s)
		if err != nil {
			t.Fatal(err)
		}
		return uint64(at)
	}
	call("pib_storage_init")
	call("pib_init", text("embed"))
	call("pib_run", text(phpScript))
	call("pib_flush")
	return out.String()
}
