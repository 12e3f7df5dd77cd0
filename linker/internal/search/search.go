// Package search says which files a library's name may mean: the rules of ld.so, in a file system
// whose root is ".". The linker follows them, and "lockstep ldd" explains by them.
package search

import (
	"path"
	"strings"
)

// Candidate is a file that a name may mean.
type Candidate struct {
	File string // a path of an fs.FS, which need not be a valid one
	Why  string // by which rule, for instance "run-time path $ORIGIN/lib of liba.wasm"
}

// Files lists the files that name may mean, best first. A name with a slash is a path. Any other is
// looked for in the run-time path of the module that needs it, whose file is from, then in the
// search path dirs; without one that is ".".
func Files(name, from string, runtimePath, dirs []string) []Candidate {
	if strings.Contains(name, "/") {
		return []Candidate{{Clean(name), "a path"}}
	}
	var files []Candidate
	origin := strings.NewReplacer("${ORIGIN}", path.Dir(from), "$ORIGIN", path.Dir(from))
	for _, entry := range runtimePath {
		for dir := range strings.SplitSeq(entry, ":") {
			file := Clean(path.Join(origin.Replace(dir), name))
			files = append(files, Candidate{file, "run-time path " + dir + " of " + from})
		}
	}
	if len(dirs) == 0 {
		dirs = []string{"."}
	}
	for _, dir := range dirs {
		files = append(files, Candidate{Clean(path.Join(dir, name)), "search path " + dir})
	}
	return files
}

// Clean turns a path as C programs write it into one of an fs.FS, whose root is "/" to them.
func Clean(p string) string { return strings.TrimPrefix(path.Clean(p), "/") }
