package text_test

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lockstep-wasm/lockstep/linker/internal/text"
)

func TestName(t *testing.T) {
	long := strings.Repeat("x", text.MaxName)
	for s, want := range map[string]string{
		"liba.wasm":       "liba.wasm",
		"/opt/lib/a-1.so": "/opt/lib/a-1.so",
		"größe":           "größe",
		"\uFFFD":          "\uFFFD",
		"":                `""`,
		"a b":             `"a b"`,
		"a\nb":            `"a\nb"`,
		"\x1b[31m":        `"\x1b[31m"`,
		"\u202e":          `"\u202e"`,
		`a"b`:             `"a\"b"`,
		"\xff\xfe":        `"\xff\xfe"`,
		long:              long,
		long + "y":        `"` + long + `"… (129 bytes)`,
	} {
		if got := text.Name(s); got != want {
			t.Errorf("Name(%q) = %s, want %s", s, got, want)
		}
	}
}

// What is cut is not cut in the middle of a character, unless there are none.
func TestCut(t *testing.T) {
	for _, s := range []string{strings.Repeat("ß", 100000), "x" + strings.Repeat("€", 100000),
		strings.Repeat("\x80", 100000)} {
		got := text.Quote(s)
		head, _, ok := strings.Cut(got, "…")
		if !ok || len(got) > 5*text.MaxName || !strings.HasSuffix(got, " bytes)") {
			t.Fatalf("Quote: %s", got)
		}
		part, err := strconv.Unquote(head)
		if err != nil || !strings.HasPrefix(s, part) || len(part) > text.MaxName ||
			len(part) < text.MaxName-utf8.UTFMax {
			t.Errorf("%q: %v", part, err)
		}
		if utf8.ValidString(s) && !utf8.ValidString(part) {
			t.Errorf("half a character: %q", part)
		}
	}
	for _, c := range []struct {
		s    string
		most int
		want string
	}{
		{"", 0, ""}, {"abc", 3, "abc"}, {"abcd", 3, "abc… (1 more bytes)"},
		{"aß", 2, "a… (2 more bytes)"},
	} {
		if got := text.Clip(c.s, c.most); got != c.want {
			t.Errorf("Clip(%q, %d) = %q, want %q", c.s, c.most, got, c.want)
		}
	}
}
