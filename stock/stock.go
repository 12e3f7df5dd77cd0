// Package stock says where the pinned npm modules are: WebAssembly modules built by other people,
// which Lockstep's examples and tests link and run unchanged.
//
// The modules are pinned by stock/package-lock.json and fetched by "make deps" into
// stock/node_modules, which is not committed. A module that was not fetched, or was fetched before
// the lock file last changed, is an [*Error] that names the remedy; so a test that needs one fails
// instead of silently doing nothing.
//
//	wasm, err := stock.Read(stock.WebTreeSitter)
//
// Nothing is cached: every call looks at the files as they are. All functions may be called from
// any goroutine.
//
// It is for this project, and promises nothing to other modules.
package stock

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// Names of the pinned modules, as [Path] and [Read] take them.
const (
	// WebTreeSitter is the tree-sitter run-time library, a position-independent main module.
	WebTreeSitter = "web-tree-sitter/web-tree-sitter.wasm"
	// TreeSitterC is the C grammar, a side module with a dylink.0 section.
	TreeSitterC = "tree-sitter-c/tree-sitter-c.wasm"
	// TreeSitterPython is the Python grammar, a side module with a dylink.0 section.
	TreeSitterPython = "tree-sitter-python/tree-sitter-python.wasm"
	// PGlite is PostgreSQL, a main module of Emscripten. Beside it are initdb.wasm, pglite.data and
	// extensions.
	PGlite = "@electric-sql/pglite/dist/pglite.wasm"
	// PHP is the interpreter of PHP 8.0, a position-independent main module of Emscripten.
	PHP = "php-wasm/c6ce833ef4ef0e2e62e6dae631ce2cc12fcb70ee.wasm"
	// TLAChecker is a checker for TLA+, a module without imports.
	TLAChecker = "tla-checker/tla_checker_bg.wasm"
)

// EnvDir is the environment variable that names the directory that holds node_modules. It is for
// programs that run outside the source tree; unset or empty, the directory is "stock" in the
// module's root.
const EnvDir = "LOCKSTEP_STOCK"

// modulePath is what go.mod in the module's root declares.
const modulePath = "github.com/lockstep-wasm/lockstep"

// lockFile is the lock file this package was built with. Embedding it, instead of reading the one
// that is on disk, means that a program moved elsewhere still knows what it was pinned to.
//
//go:embed package-lock.json
var lockFile []byte

// The reasons an [*Error] wraps.
var (
	// ErrNoRoot means that no directory from the working directory upwards is the module's root.
	ErrNoRoot = errors.New("the module's root is not above the working directory")
	// ErrNotPinned means that the lock file has no such package.
	ErrNotPinned = errors.New("not pinned by package-lock.json")
	// ErrNotInstalled means that the package was not fetched.
	ErrNotInstalled = errors.New("not installed")
	// ErrNoFile means that the package was fetched, and has no such file.
	ErrNoFile = errors.New("the package has no such file")
	// ErrStale means that another version is installed than the lock file pins.
	ErrStale = errors.New("stale install")
)

// Error says which pinned module could not be found, and why. It wraps one of the Err… values of
// this package, or the error of the file system.
type Error struct {
	Name      string   // the name that was asked for
	Dir       string   // the directory that holds node_modules; empty when it was not found
	Installed string   // the version found, where Err is ErrStale
	Want      string   // the version pinned, where Err is ErrStale
	Known     []string // the grammars that there are, where Err is ErrNoFile
	Err       error
}

// Error implements the error interface.
func (e *Error) Error() string {
	switch {
	case errors.Is(e.Err, ErrStale):
		return fmt.Sprintf(
			"stock: %s: %v: version %s is there, package-lock.json pins %s: run \"make deps\"",
			e.Name, e.Err, e.Installed, e.Want)
	case errors.Is(e.Err, ErrNoFile) && len(e.Known) > 0:
		return fmt.Sprintf("stock: %s: %v; the grammars are %s", e.Name, e.Err,
			strings.Join(e.Known, ", "))
	case errors.Is(e.Err, ErrNotInstalled):
		return fmt.Sprintf("stock: %s: %v in %s: run \"make deps\"",
			e.Name, e.Err, filepath.Join(e.Dir, "node_modules"))
	case errors.Is(e.Err, ErrNoRoot):
		return fmt.Sprintf("stock: %s comes from npm, and %v: run this in the source tree after "+
			"\"make deps\", or set %s to the directory that holds node_modules", e.Name, e.Err, EnvDir)
	}
	return fmt.Sprintf("stock: %s: %v", e.Name, e.Err)
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

// Path returns the file of a pinned module. name is a slash-separated path whose first element is
// the npm package, such as [WebTreeSitter] or [GrammarFile]("go"). The file exists, and its package
// has the pinned version; otherwise the error is an [*Error].
func Path(name string) (string, error) {
	pkg, rest := cutPackage(name)
	if !fs.ValidPath(name) || rest == "" {
		return "", &Error{Name: name, Err: fs.ErrInvalid}
	}
	dir, err := packageDir(name, pkg)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, filepath.FromSlash(rest))
	switch info, err := os.Stat(file); {
	case errors.Is(err, fs.ErrNotExist) || (err == nil && info.IsDir()):
		return "", &Error{Name: name, Dir: rootOf(dir, pkg), Known: known(pkg), Err: ErrNoFile}
	case err != nil:
		return "", &Error{Name: name, Dir: rootOf(dir, pkg), Err: err}
	}
	return file, nil
}

// cutPackage splits a name behind the package, which is two elements if it has a scope.
func cutPackage(name string) (pkg, rest string) {
	pkg, rest, _ = strings.Cut(name, "/")
	if strings.HasPrefix(pkg, "@") {
		inner, after, _ := strings.Cut(rest, "/")
		pkg, rest = pkg+"/"+inner, after
	}
	return pkg, rest
}

// Read returns the bytes of a pinned module. name is what [Path] takes, and the errors are Path's.
func Read(name string) ([]byte, error) {
	file, err := Path(name)
	if err != nil {
		return nil, err
	}
	bytes, err := os.ReadFile(file)
	if err != nil {
		return nil, &Error{Name: name, Dir: filepath.Dir(file), Err: err}
	}
	return bytes, nil
}

const (
	grammarPackage = "tree-sitter-wasms"
	grammarDir     = "out"
	grammarPrefix  = "tree-sitter-"
	grammarSuffix  = ".wasm"
)

// Grammars returns the languages of the package tree-sitter-wasms, sorted: "bash", "c", "c_sharp"
// and so on. [GrammarFile] turns one into a name for [Path] and [Read]; the module exports the
// function "tree_sitter_" followed by the language.
func Grammars() ([]string, error) {
	dir, err := packageDir(grammarPackage, grammarPackage)
	if err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(filepath.Join(dir, grammarDir))
	if err != nil {
		return nil, &Error{Name: grammarPackage, Dir: rootOf(dir, grammarPackage),
			Err: errors.Join(ErrNotInstalled, err)}
	}
	var languages []string
	for _, e := range entries {
		language, ok := strings.CutPrefix(e.Name(), grammarPrefix)
		if !ok {
			continue
		}
		if language, ok = strings.CutSuffix(language, grammarSuffix); ok {
			languages = append(languages, language)
		}
	}
	return languages, nil
}

// GrammarFile returns the name, for [Path] and [Read], of a language of [Grammars].
func GrammarFile(language string) string {
	return path.Join(grammarPackage, grammarDir, grammarPrefix+language+grammarSuffix)
}

// known lists the grammars, if the package is theirs.
func known(pkg string) []string {
	if pkg != grammarPackage {
		return nil
	}
	languages, err := Grammars()
	if err != nil {
		return nil
	}
	return languages
}

// packageDir returns the directory of an installed package whose version is the pinned one. name is
// what the caller asked for, for the error.
func packageDir(name, pkg string) (string, error) {
	want, err := pinnedVersion(pkg)
	if err != nil {
		return "", &Error{Name: name, Err: err}
	}
	root, err := findRoot()
	if err != nil {
		return "", &Error{Name: name, Err: err}
	}
	dir := filepath.Join(root, "node_modules", pkg)
	manifest, err := os.ReadFile(filepath.Join(dir, "package.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", &Error{Name: name, Dir: root, Err: ErrNotInstalled}
	} else if err != nil {
		return "", &Error{Name: name, Dir: root, Err: err}
	}
	var installed struct{ Version string }
	if err := json.Unmarshal(manifest, &installed); err != nil {
		return "", &Error{Name: name, Dir: root, Err: fmt.Errorf("package.json: %w", err)}
	}
	if installed.Version != want {
		return "", &Error{Name: name, Dir: root, Installed: installed.Version, Want: want,
			Err: ErrStale}
	}
	return dir, nil
}

// rootOf is the inverse of the join in packageDir.
func rootOf(packageDir, pkg string) string {
	for range 1 + strings.Count(pkg, "/") {
		packageDir = filepath.Dir(packageDir)
	}
	return filepath.Dir(packageDir)
}

func pinnedVersion(pkg string) (string, error) {
	var lock struct {
		Packages map[string]struct{ Version string }
	}
	if err := json.Unmarshal(lockFile, &lock); err != nil {
		return "", fmt.Errorf("package-lock.json: %w", err)
	}
	entry, ok := lock.Packages["node_modules/"+pkg]
	if !ok {
		return "", ErrNotPinned
	}
	return entry.Version, nil
}

// findRoot returns the directory that holds node_modules.
func findRoot() (string, error) {
	if dir := os.Getenv(EnvDir); dir != "" {
		return dir, nil
	}
	root, err := Root()
	if err != nil {
		return "", err
	}
	return filepath.Join(root, "stock"), nil
}

// Root returns the directory of the source tree, the working directory or one above it. The error
// wraps ErrNoRoot when there is none.
func Root() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if isModuleRoot(dir) {
			return dir, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", ErrNoRoot
		}
		dir = parent
	}
}

// isModuleRoot reports whether dir holds this module's go.mod. Another module's go.mod does not end
// the search, so that a nested module (an example with its own go.mod) finds the stock modules too.
func isModuleRoot(dir string) bool {
	bytes, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(bytes)) {
		if fields := strings.Fields(line); len(fields) >= 2 && fields[0] == "module" {
			return strings.Trim(fields[1], `"`) == modulePath
		}
	}
	return false
}

// Packages returns the names of the packages that package.json pins, sorted. What they depend on
// themselves is not among them.
func Packages() ([]string, error) {
	var lock struct {
		Packages map[string]struct{ Dependencies map[string]string }
	}
	if err := json.Unmarshal(lockFile, &lock); err != nil {
		return nil, fmt.Errorf("package-lock.json: %w", err)
	}
	return slices.Sorted(maps.Keys(lock.Packages[""].Dependencies)), nil
}
