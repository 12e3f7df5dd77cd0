package tla

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// ErrDownload means that TLC could not be downloaded, or that what came is not what was pinned.
var ErrDownload = errors.New("tla: download TLC")

// Causes of an [ErrDownload], besides the errors of the network and of the file system.
var (
	// ErrNotPinned means that the download cannot be compared with the release.
	ErrNotPinned = errors.New("no checksum is pinned")
	// ErrStatus means that the server answered with something else than the file.
	ErrStatus = errors.New("unexpected answer")
	// ErrChecksum means that what was downloaded is not the release.
	ErrChecksum = errors.New("the checksum differs")
)

// Release is a released TLC.
type Release struct {
	Version string
	URL     string
	// SHA256 is the checksum of the jar, in hexadecimal.
	SHA256 string
}

// PinnedRelease is the TLC that [Download] is meant for. Its checksum is the one that the Nix
// package collection pins for the same address.
func PinnedRelease() Release {
	return Release{
		Version: "1.7.4",
		URL:     "https://github.com/tlaplus/tlaplus/releases/download/v1.7.4/tla2tools.jar",
		SHA256:  "936a262061c914694dfd669a543be24573c45d5aa0ff20a8b96b23d01e050e88",
	}
}

// maxJar bounds what is read from the network; the jar has 2 to 4 MB.
const maxJar = 64 << 20

// Download fetches a release to file, whose folder it makes. A file that does not have the pinned
// checksum is not kept, and a release without a pinned checksum is not fetched. Errors wrap
// [ErrDownload].
func Download(ctx context.Context, client *http.Client, release Release, file string) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("%w %s: %w", ErrDownload, release.Version, err)
		}
	}()
	if release.SHA256 == "" {
		return fmt.Errorf("%w: fetch %s yourself, verify it, and set %s", ErrNotPinned, release.URL,
			EnvJar)
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, release.URL, nil)
	if err != nil {
		return err
	}
	response, err := client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%w of %s: %s", ErrStatus, release.URL, response.Status)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	// Beside its place, so that the rename is atomic: a jar that is there is a jar that was
	// verified.
	partial, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*.part")
	if err != nil {
		return err
	}
	defer os.Remove(partial.Name()) // fails, rightly, once it was renamed
	sum := sha256.New()
	_, err = io.Copy(io.MultiWriter(partial, sum), io.LimitReader(response.Body, maxJar))
	if err = errors.Join(err, partial.Close()); err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != release.SHA256 {
		return fmt.Errorf("%w: the SHA-256 of %s is %s, pinned is %s", ErrChecksum, release.URL,
			got, release.SHA256)
	}
	return os.Rename(partial.Name(), file)
}
