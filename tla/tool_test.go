package tla

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// world is what a Locator sees.
type world struct {
	jar      string          // the variable, relative to the folder
	files    []string        // in the folder
	commands map[string]bool // on PATH
}

func (w world) locator(t *testing.T) Locator {
	t.Helper()
	dir := t.TempDir()
	for _, file := range w.files {
		file = filepath.Join(dir, file)
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755),
			os.WriteFile(file, nil, 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	return Locator{
		Dir: dir,
		Getenv: func(name string) string {
			if name == EnvJar && w.jar != "" {
				return filepath.Join(dir, w.jar)
			}
			return ""
		},
		LookPath: func(name string) (string, error) {
			if w.commands[name] {
				return "/bin/" + name, nil
			}
			return "", errors.New(name + " is not on PATH")
		},
	}
}

func TestFind(t *testing.T) {
	java := map[string]bool{"java": true}
	both := map[string]bool{"java": true, "tlc": true}
	for _, c := range []struct {
		name  string
		world world
		want  string // the jar in the folder, or the command
		err   error
	}{
		{"the variable before all",
			world{"my.jar", []string{"my.jar", "tools/tla2tools.jar"}, both}, "my.jar", nil},
		{"the tools folder before PATH", world{"", []string{"tools/tla2tools.jar"}, both},
			"tools/tla2tools.jar", nil},
		{"the command", world{"", nil, both}, "/bin/tlc", nil},
		{"the command without java", world{"", nil, map[string]bool{"tlc": true}}, "/bin/tlc", nil},
		{"nothing", world{"", nil, java}, "", ErrNoTLC},
		{"the variable names nothing", world{"my.jar", []string{"tools/tla2tools.jar"}, both}, "",
			ErrNoTLC},
		{"no java for the variable", world{"my.jar", []string{"my.jar"}, nil}, "", ErrNoJava},
		{"no java for the tools folder",
			world{"", []string{"tools/tla2tools.jar"}, map[string]bool{"tlc": true}}, "",
			ErrNoJava},
	} {
		t.Run(c.name, func(t *testing.T) {
			locator := c.world.locator(t)
			tool, err := locator.Find()
			if !errors.Is(err, c.err) {
				t.Fatalf("error %v, want %v", err, c.err)
			}
			if c.err != nil {
				return
			}
			args := tool.Command(t.Context(), "scratch", "-x", "M.tla").Args
			if c.want == "/bin/tlc" {
				if !slices.Equal(args, []string{"/bin/tlc", "-x", "M.tla"}) {
					t.Errorf("command %q", args)
				}
				if _, err := tool.Server(t.Context(), "scratch"); !errors.Is(err, ErrNoTLC) {
					t.Errorf("server of a command: %v, want %v", err, ErrNoTLC)
				}
				return
			}
			jar := filepath.Join(locator.Dir, c.want)
			want := []string{"/bin/java", "-XX:+UseParallelGC", "-Djava.io.tmpdir=scratch",
				"-Dtlc2.TLC.progressInterval=5", "-cp", jar, "tlc2.TLC", "-x", "M.tla"}
			if !slices.Equal(args, want) {
				t.Errorf("command %q, want %q", args, want)
			}
			server, err := tool.Server(t.Context(), "scratch", "M.tla")
			if err != nil || !slices.Contains(server.Args, "tlc2.tool.distributed.TLCServer") ||
				!slices.Contains(server.Args, "-Djava.io.tmpdir=scratch") {
				t.Errorf("server %v, %v", server, err)
			}
		})
	}
}

func TestDownload(t *testing.T) {
	const jar = "the jar"
	sum := sha256.Sum256([]byte(jar))
	good := hex.EncodeToString(sum[:])
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/tla2tools.jar" {
			http.NotFound(w, r)
			return
		}
		_, _ = w.Write([]byte(jar))
	}))
	defer server.Close()
	for _, c := range []struct {
		name    string
		release Release
		want    string // part of the error; empty for success
		cause   error  // nil for one of the standard library
	}{
		{"pinned", Release{"1", server.URL + "/tla2tools.jar", good}, "", nil},
		{"another file", Release{"1", server.URL + "/tla2tools.jar", strings.Repeat("0", 64)},
			"tla2tools.jar is " + good, ErrChecksum},
		{"no checksum", Release{"1", server.URL + "/tla2tools.jar", ""}, "set " + EnvJar,
			ErrNotPinned},
		{"not there", Release{"1", server.URL + "/other.jar", good}, "404", ErrStatus},
		{"no address", Release{"1", "://", good}, "missing protocol", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "tools", "tla2tools.jar")
			err := Download(t.Context(), server.Client(), c.release, file)
			data, readErr := os.ReadFile(file)
			if c.want == "" {
				if err != nil || readErr != nil || string(data) != jar {
					t.Errorf("%v, %v, %q", err, readErr, data)
				}
			} else if !errors.Is(err, ErrDownload) || !strings.Contains(err.Error(), c.want) ||
				c.cause != nil && !errors.Is(err, c.cause) || readErr == nil {
				t.Errorf("error %v, want %q and %v; the file: %v", err, c.want, c.cause, readErr)
			}
			left, err := filepath.Glob(filepath.Dir(file) + "/*.part")
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

func TestPinnedRelease(t *testing.T) {
	r := PinnedRelease()
	if sum, err := hex.DecodeString(r.SHA256); err != nil || len(sum) != sha256.Size {
		t.Errorf("checksum %q is not SHA-256: %v", r.SHA256, err)
	}
	if !strings.Contains(r.URL, "/v"+r.Version+"/") {
		t.Errorf("address %s is not of version %s", r.URL, r.Version)
	}
}
