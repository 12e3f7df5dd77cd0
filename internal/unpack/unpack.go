// Package unpack gives programs that need files in a folder what is built in: a compiler its
// headers, TLC its specifications.
package unpack

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Home is the project's folder in the user's cache; that for temporary files if there is no cache.
func Home() string {
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return filepath.Join(cache, "lockstep")
}

// Folder returns a folder in [Home] with the files of fsys, which it writes if they are not there.
// Its name begins with name, and ends with a sum of the files: other files are in another folder.
func Folder(fsys fs.FS, name string) (string, error) {
	sum := sha256.New()
	var files []string
	err := fs.WalkDir(fsys, ".", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := fs.ReadFile(fsys, file)
		fmt.Fprintf(sum, "%s\n%d\n%s", file, len(text), text)
		files = append(files, file)
		return err
	})
	if err != nil {
		return "", err
	}
	dir := filepath.Join(Home(), fmt.Sprintf("%s-%x", name, sum.Sum(nil)[:8]))
	for _, file := range files {
		if err := write(filepath.Join(dir, filepath.FromSlash(file)), fsys, file); err != nil {
			return "", err
		}
	}
	return dir, nil
}

// write writes a file, if it is not there: whole, although another process may do the same.
func write(name string, fsys fs.FS, file string) error {
	text, err := fs.ReadFile(fsys, file)
	if err != nil {
		return err
	}
	if old, err := os.ReadFile(name); err == nil && string(old) == string(text) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	temp, err := os.CreateTemp(filepath.Dir(name), ".part-*")
	if err != nil {
		return err
	}
	_, err = temp.Write(text)
	if err := errors.Join(err, temp.Chmod(0o644), temp.Close()); err != nil {
		return errors.Join(err, os.Remove(temp.Name()))
	}
	return os.Rename(temp.Name(), name)
}
