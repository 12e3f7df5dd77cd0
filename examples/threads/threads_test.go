package main

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/examples/internal/guesttest"
)

// config shares compiled code among the tests.
var config wazero.RuntimeConfig

func TestMain(m *testing.M) { os.Exit(guesttest.Run(m, &config)) }

// Eight threads compute while libraries come and go: all sums are right, every thread has worked,
// and every load is visible in all of them.
func TestThreads(t *testing.T) {
	var out strings.Builder
	if err := run(t.Context(), config, 8, 3, &out); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(out.String(), "3 loads and 3 unloads in ") {
		t.Errorf("%s", &out)
	}
	_, table, _ := strings.Cut(out.String(), "MB/s\n")
	sum := 0
	for i, line := range strings.SplitN(table, "\n", 9)[:8] {
		var id, calls int
		if n, err := fmt.Sscan(line, &id, &calls); n != 2 || err != nil || id != i+1 || calls < 1 {
			t.Errorf("line %d: %q, %v", i+1, line, err)
		}
		sum += calls
	}
	// Python's zlib.crc32 has the same.
	want := fmt.Sprintf("all %d checksums are 3029617b\n", sum)
	if !strings.HasSuffix(out.String(), want) {
		t.Errorf("%s\nwant %q", &out, want)
	}
}
