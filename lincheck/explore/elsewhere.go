package explore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/instrument"
	"github.com/lockstep-wasm/lockstep/lincheck/explore/internal/sched"

	// What instrumented code imports has to be there when dependencies are vendored.
	_ "github.com/lockstep-wasm/lockstep/lincheck/explore/shim/atomic"
	_ "github.com/lockstep-wasm/lockstep/lincheck/explore/shim/context"
	_ "github.com/lockstep-wasm/lockstep/lincheck/explore/shim/rt"
	_ "github.com/lockstep-wasm/lockstep/lincheck/explore/shim/sync"
	_ "github.com/lockstep-wasm/lockstep/lincheck/explore/shim/time"
)

// Overlay is the environment variable with the path of an overlay file, as the go command's
// -overlay takes it, through which the sources are read before they are instrumented: for code with
// a seeded fault.
const Overlay = "EXPLORE_OVERLAY"

// inside is set in the environment of tests that run with instrumented code.
const inside = "EXPLORE_INSTRUMENTED"

// instrumented says whether the code of this process is instrumented.
func instrumented() bool { return len(sched.InstrumentedPackages()) > 0 }

// overlays are the instrumented sources that this process has made, by the options that matter.
// They are kept since a package can have many tests.
var overlays struct {
	sync.Mutex
	made map[string]*overlay
}

type overlay struct {
	once sync.Once
	file string
	err  error
}

// sources instruments what a test needs.
func sources(t testing.TB, o Options) (file string, err error) {
	if os.Getenv(Overlay) != "" {
		return write(o, t.TempDir())
	}
	key := fmt.Sprint(o.Include, o.Exclude, o.NoRaces)
	overlays.Lock()
	if overlays.made == nil {
		overlays.made = map[string]*overlay{}
	}
	v, ok := overlays.made[key]
	if !ok {
		v = &overlay{}
		overlays.made[key] = v
	}
	overlays.Unlock()
	v.once.Do(func() {
		var folder string
		if folder, v.err = sourcesFolder(key); v.err == nil {
			v.file, v.err = write(o, folder)
		}
	})
	return v.file, v.err
}

// write instruments what a test needs in a folder, and returns the path of the overlay file.
func write(o Options, folder string) (string, error) {
	out, err := instrument.Write(context.Background(), instrument.Options{
		Packages: []string{"."}, Flags: buildFlags(), Include: o.Include, Exclude: o.Exclude,
		Plain: !o.NoRaces, Overlay: os.Getenv(Overlay)}, folder)
	if err != nil {
		return "", err
	}
	return out.File, nil
}

// sourcesFolder is the folder for the instrumented sources of a package: always the same one, so
// that they do not pile up.
func sourcesFolder(key string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	dir, err := os.Getwd()
	if err != nil {
		return "", fmt.Errorf("explore: %w", err)
	}
	sum := sha256.Sum256([]byte(dir + "\n" + key))
	folder := filepath.Join(cache, "lockstep-explore", hex.EncodeToString(sum[:8]))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return "", fmt.Errorf("explore: %w", err)
	}
	return folder, nil
}

// buildFlags are the flags that this test was built with, as far as they decide which files it has.
func buildFlags() (flags []string) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return nil
	}
	for _, s := range info.Settings {
		if s.Key == "-tags" && s.Value != "" {
			flags = append(flags, "-tags="+s.Value)
		}
	}
	return flags
}

// elsewhere runs the test in a process whose code is instrumented. The report says no more than
// that it ran.
func elsewhere(t testing.TB, o Options) *Report {
	t.Helper()
	if os.Getenv(inside) != "" {
		t.Fatalf(
			"explore: no package of %s is instrumented: Options.Include leaves all of them out",
			t.Name())
	}
	start := time.Now()
	file, err := sources(t, o)
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	args := []string{"test", "-overlay=" + file, "-count=1", "-cpu=1", "-v",
		"-run=" + pattern(t.Name())}
	if d, ok := t.(interface{ Deadline() (time.Time, bool) }); ok {
		if end, ok := d.Deadline(); ok {
			args = append(args, fmt.Sprintf("-timeout=%v", time.Until(end)))
		}
	}
	if testing.Short() {
		args = append(args, "-short")
	}
	cmd := exec.CommandContext(ctx, "go", append(append(args, buildFlags()...), ".")...)
	cmd.Env = append(os.Environ(), inside+"=1")
	out := &relay{live: testing.Verbose()}
	cmd.Stdout, cmd.Stderr = out, out
	err = cmd.Run()
	text := told(out.all.String())
	switch {
	case err != nil:
		t.Fatalf("%s", text)
	case strings.Contains(text, "no tests to run"):
		t.Fatalf("explore: the test does not exist with instrumented code:\n%s", text)
	}
	if text != "" {
		t.Logf("%s", text)
	}
	return &Report{Took: time.Since(start)}
}

// relay keeps what a test prints, and passes on at once how far it is.
type relay struct {
	live bool
	all  strings.Builder
}

func (r *relay) Write(p []byte) (int, error) {
	if r.live && strings.HasPrefix(string(p), soFar) {
		fmt.Fprint(os.Stderr, string(p))
		return len(p), nil
	}
	return r.all.Write(p)
}

// told is what a test printed, without what go test adds.
func told(out string) string {
	var lines []string
	for line := range strings.Lines(out) {
		if words := strings.Fields(line); len(words) > 0 {
			switch words[0] {
			case "===", "---", "PASS", "FAIL", "ok", "exit":
				continue
			}
		}
		lines = append(lines, strings.TrimPrefix(line, "    "))
	}
	text := strings.TrimRight(strings.Join(lines, ""), "\n")
	return position.ReplaceAllString(text, "")
}

// position is what the testing package puts before a message.
var position = regexp.MustCompile(`^\w+\.go:\d+: ?`)

// meta quotes what a test's name can have that means something else in a pattern.
var meta = strings.NewReplacer(`\`, `\\`, ".", `\.`, "+", `\+`, "*", `\*`, "?", `\?`, "(", `\(`,
	")", `\)`, "[", `\[`, "]", `\]`, "{", `\{`, "}", `\}`, "|", `\|`, "^", `\^`, "$", `\$`, "'",
	".")

// pattern is the value of -run for one test.
func pattern(test string) string {
	parts := strings.Split(test, "/")
	for i, p := range parts {
		parts[i] = "^" + meta.Replace(p) + "$"
	}
	return strings.Join(parts, "/")
}

// rerun is the shell command that repeats a run of a test.
func rerun(test, replay string) string {
	quoted := "'" + strings.ReplaceAll(replay, "'", `'\''`) + "'"
	dir, err := os.Getwd()
	if err != nil {
		dir = "."
	}
	return fmt.Sprintf("cd %s && %s=%s go test -count=1 -run '%s' .", dir, Replay, quoted,
		pattern(test))
}
