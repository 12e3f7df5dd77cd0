// Package browsertest shows pages to a headless Chromium, for tests.
package browsertest

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Well is what the script of a page sends if it has found nothing.
const Well = "all is well"

// patience is how long a page may take.
const patience = 90 * time.Second

// Chromium finds the browser, or skips the test: it is not a part of what the project needs.
func Chromium(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Skip("there is no Chromium here")
	return ""
}

// Run shows pages, the one named "/" in a window of a size, "1280,900", until a script in it posts
// to /result. It returns what was posted.
func Run(t *testing.T, size string, pages map[string][]byte) string {
	t.Helper()
	chromium := Chromium(t)
	results := make(chan string, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/result" {
			text, _ := io.ReadAll(r.Body)
			select {
			case results <- string(text):
			default: // there is one already
			}
			return
		}
		page, ok := pages[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = w.Write(page)
	}))
	defer server.Close()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, chromium, "--headless=new", "--no-sandbox", "--disable-gpu",
		"--window-size="+size, "--user-data-dir="+filepath.Join(t.TempDir(), "profile"), server.URL)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// All its children end with it.
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cancel()
		_ = cmd.Wait() // it was killed
	}()
	select {
	case text := <-results:
		return text
	case <-ctx.Done():
		return "the page came to no result"
	}
}

// wrapper shows a page in frames as wide as a telephone, a laptop and a large screen, and tells
// what does not fit: a page that scrolls sideways, and text that is cut off.
const wrapper = `<!DOCTYPE html><meta charset="utf-8"><body><script>
(async () => {
  const found = [];
  for (const width of [390, 1280, 1920]) {
    const frame = document.createElement("iframe");
    frame.style.cssText = "border:0;height:1000px;width:" + width + "px";
    frame.src = "/page";
    document.body.append(frame);
    await new Promise(done => frame.onload = done);
    const page = frame.contentDocument;
    for (const d of page.querySelectorAll("details")) d.open = true;
    while (!frame.contentWindow.eval(READY)) await new Promise(done => setTimeout(done, 5));
    await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
    if (page.documentElement.scrollWidth > width)
      found.push("at " + width + " the page is " + page.documentElement.scrollWidth + " wide");
    for (const e of page.querySelectorAll("body *")) {
      const style = frame.contentWindow.getComputedStyle(e);
      if (style.overflowX === "hidden" && e.scrollWidth > e.clientWidth + 1)
        found.push("at " + width + " <" + e.tagName + "> is cut off: " + e.textContent.slice(0, 60));
    }
    frame.remove();
  }
  await fetch("/result", { method: "POST", body: found.length ? found.join("\n") : "` + Well + `" });
})().catch(error => fetch("/result", { method: "POST", body: String(error.stack) }));
</script>`

// Fits checks that a page fits on screens of 390, 1,280 and 1,920 pixels, with all its details
// open. The page is complete when ready, an expression of JavaScript, is true.
func Fits(t *testing.T, name string, page []byte, ready string) {
	t.Helper()
	pages := map[string][]byte{
		"/":     []byte(strings.Replace(wrapper, "READY", strconv.Quote(ready), 1)),
		"/page": page,
	}
	if text := Run(t, "2000,1100", pages); text != Well {
		t.Errorf("%s: %s", name, text)
	}
}
