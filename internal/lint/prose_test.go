package lint

import (
	"go/parser"
	"go/token"
	"path"
	"regexp"
	"strings"
	"testing"
)

// indefinite are subjects that say nothing: which group, goroutine or caller is meant?
var indefinite = regexp.MustCompile(
	`(?i)\b(nobody|somebody|everybody|anybody|whoever|everyone|someone|anyone)\b`)

// maxWords is how many words a sentence may have before the counts mention it.
const maxWords = 40

// The subject of a sentence is a thing with a name: comments and pages have no indefinite subjects.
// With -v the test says how many words and long sentences there are.
func TestProse(t *testing.T) {
	var all counts
	for _, file := range tracked(t, ".go", ".md") {
		text := prose(t, file)
		found := indefinite.FindAllStringIndex(text, -1)
		all.add(text, len(found))
		for _, at := range found {
			t.Errorf("%s: which one is %q? …%s…", file, text[at[0]:at[1]],
				strings.ReplaceAll(text[max(0, at[0]-30):min(len(text), at[1]+30)], "\n", " "))
		}
	}
	t.Logf("%d words; %.1f of 10,000 are indefinite subjects; %d of %d sentences have more than "+
		"%d words", all.words, float64(all.indefinite)*1e4/float64(max(all.words, 1)), all.long,
		all.sentences, maxWords)
}

// A subject without a name is found in a comment and on a page, not in code.
func TestProseIsRead(t *testing.T) {
	page := "Nobody here.\n\n```\nsomebody there\n```\n`anybody`\n"
	source := "package p\n\n// f waits for whoever comes.\nfunc f() { _ = \"everybody\" }\n"
	if n := len(indefinite.FindAllString(pageProse(page), -1)); n != 1 {
		t.Errorf("%d subjects on the page, want 1", n)
	}
	if n := len(indefinite.FindAllString(goProse(t, source), -1)); n != 1 {
		t.Errorf("%d subjects in the comment, want 1", n)
	}
}

// prose returns the text that people read: the comments of a Go file, or a page without its code.
func prose(t *testing.T, file string) string {
	t.Helper()
	if path.Ext(file) == ".go" {
		return goProse(t, read(t, file))
	}
	return pageProse(read(t, file))
}

func goProse(t *testing.T, source string) string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), "", source, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, g := range f.Comments {
		for line := range strings.Lines(g.Text()) {
			if !strings.HasPrefix(line, "\t") { // preformatted
				b.WriteString(line)
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

var code = regexp.MustCompile("(?ms)^```.*?^```|`[^`\n]*`")

func pageProse(text string) string { return code.ReplaceAllString(text, "") }

// counts are what TestProse says of all texts.
type counts struct{ words, indefinite, sentences, long int }

var sentenceEnd = regexp.MustCompile(`[.!?:;|]\s|\n\s*\n|\n\s*[-*|] `)

func (c *counts) add(text string, indefinite int) {
	c.indefinite += indefinite
	for _, s := range sentenceEnd.Split(text, -1) {
		n := len(strings.Fields(s))
		if c.words += n; n > 0 {
			c.sentences++
		}
		if n > maxWords {
			c.long++
		}
	}
}
