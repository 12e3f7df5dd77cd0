// Package builds checks modules that are committed with their sources: that neither was changed
// without the other. It needs no compiler; a build script records what it built, and from what, in
// a file SHA256SUMS.
//
//	sums := builds.Sums(t, "testdata/SHA256SUMS")
//	builds.CheckUnchanged(t, sums, func(name string) string { return "testdata/" + name })
package builds

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Sums reads a file that sha256sum wrote: a sum in hexadecimal digits for each name.
func Sums(t testing.TB, file string) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	sums := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok || len(sum) != hex.EncodedLen(sha256.Size) {
			t.Fatalf("%s: malformed line %q", file, lines.Text())
		}
		sums[name] = sum
	}
	return sums
}

// Sum returns the sum of a file.
func Sum(t testing.TB, file string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.FromSlash(file))
	if err != nil {
		t.Fatal(err)
	}
	return SumOf(content)
}

// SumOf returns the sum of a file's content.
func SumOf(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// CheckUnchanged reports every file that is not as it was when the build script ran. path tells
// where the file of a name in the sums is.
func CheckUnchanged(t testing.TB, sums map[string]string, path func(name string) string) {
	t.Helper()
	for name, want := range sums {
		file := path(name)
		if got := Sum(t, file); got != want {
			t.Errorf("%s was changed since the build script ran: SHA-256 %s, want %s", file, got,
				want)
		}
	}
}

// CheckComplete reports every name that the sums lack.
func CheckComplete(t testing.TB, sums map[string]string, names []string) {
	t.Helper()
	for _, name := range names {
		if sums[name] == "" {
			t.Errorf("%s is not in SHA256SUMS: run the build script", name)
		}
	}
}

// CheckSame reports every file of a new build that differs from what the sums say. path tells where
// the new build has the file of a name.
func CheckSame(t testing.TB, sums map[string]string, names []string,
	path func(name string) string) {
	t.Helper()
	for _, name := range names {
		if got := Sum(t, path(name)); got != sums[name] {
			t.Errorf("%s: a rebuild gives SHA-256 %s, committed is %s", name, got, sums[name])
		}
	}
}
