package tickets

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/lincheck/explore"
)

// The calls of several goroutines have results as if they were made one after the other, in every
// schedule.
func TestTickets(t *testing.T) {
	explore.Linearizable(t, explore.Type[*Tickets]{New: func() *Tickets { return New(1) }})
}

// The same test of the type with the mistake fails, so it is run only if that is wanted.
func TestOversold(t *testing.T) {
	if os.Getenv("MISTAKE") == "" {
		t.Skip("MISTAKE=1 shows what the explorer finds")
	}
	explore.Linearizable(t, explore.Type[*Oversold]{New: func() *Oversold {
		return &Oversold{Tickets: Tickets{left: 1}}
	}})
}

// The mistake is found, and shown: two goroutines both see the last ticket.
func TestMistakeIsFound(t *testing.T) {
	page := filepath.Join(t.TempDir(), "oversold.html")
	cmd := exec.Command("go", "test", "-count=1", "-run", "^TestOversold$", ".")
	cmd.Env = append(os.Environ(), "MISTAKE=1", "EXPLORE_HTML="+page)
	out, err := cmd.CombinedOutput()
	if err == nil {
		t.Error("the test of a type with a mistake passes")
	}
	for _, want := range []string{"not linearizable", "Sell() → true", "⇄", "EXPLORE_REPLAY="} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	html, err := os.ReadFile(page)
	if err != nil || !strings.Contains(string(html), "in TestOversold") {
		t.Errorf("the page: %v", err)
	}
}
