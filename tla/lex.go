package tla

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// tokenKind says what a token is, as far as this package needs to know.
type tokenKind int

const (
	tokenWord   tokenKind = iota // an identifier, a keyword or a number
	tokenString                  // "…", quotes included
	tokenSymbol                  // an operator or a bracket
)

// token is one lexical unit of a TLA+ text or of a TLC configuration. Comments are not tokens.
type token struct {
	kind   tokenKind
	text   string
	line   int // counted from 1
	column int // counted from 1, in characters: junction lists are aligned by it
	start  int // byte offset in the text
	end    int // byte offset of the first byte after it
}

// symbols lists the operators of more than one character, longest first, so that the first match is
// the right one.
var symbols = []string{
	"<=>", "|->", "...", "-+->", "::=", "(+)", "(-)", "(.)", "(/)", "(\\X)",
	"/\\", "\\/", "==", "=>", "=<", "<=", ">=", "/=", "<<", ">>", "<-", "->", "~>", "[]", "<>",
	"..",
	":>", "<:", "@@", ":=", "|-", "-|", "|=", "=|", "^+", "^*", "^#", "**", "++", "--", "//", "^^",
	"%%", "##", "$$", "&&", "??", "!!", "||",
}

// lexError is a text that cannot be cut into tokens.
type lexError struct {
	line int
	what string
}

func (e *lexError) Error() string { return fmt.Sprintf("line %d: %s", e.line, e.what) }

// lexer cuts a text into tokens and remembers where the comments are.
type lexer struct {
	text         string
	pos          int
	line, column int
	module       bool // stop at ====
	tokens       []token
	comments     [][2]int // byte ranges
}

// lex cuts a TLA+ text, or a TLC configuration, into tokens. It also returns the text with every
// comment replaced by spaces: the same length, lines and columns.
func lex(text string) (tokens []token, blanked string, err error) {
	return (&lexer{text: text, line: 1, column: 1}).run()
}

// lexModule is lex for a text that starts with a module: it ends with the module's last line, ====,
// whatever stands behind.
func lexModule(text string) (tokens []token, blanked string, err error) {
	return (&lexer{text: text, line: 1, column: 1, module: true}).run()
}

func (l *lexer) run() (tokens []token, blanked string, err error) {
	for l.pos < len(l.text) {
		if err := l.next(); err != nil {
			return nil, "", err
		}
		if n := len(l.tokens); l.module && n > 0 && strings.HasPrefix(l.tokens[n-1].text, "====") {
			l.text = l.text[:l.pos]
		}
	}
	return l.tokens, l.blank(), nil
}

func (l *lexer) rest() string { return l.text[l.pos:] }

// advance moves over n bytes and keeps line and column.
func (l *lexer) advance(n int) {
	for _, r := range l.text[l.pos : l.pos+n] {
		if r == '\n' {
			l.line++
			l.column = 1
		} else {
			l.column++
		}
	}
	l.pos += n
}

func (l *lexer) emit(kind tokenKind, n int) {
	l.tokens = append(l.tokens, token{
		kind: kind, text: l.text[l.pos : l.pos+n],
		line: l.line, column: l.column, start: l.pos, end: l.pos + n,
	})
	l.advance(n)
}

func (l *lexer) next() error {
	r, size := utf8.DecodeRuneInString(l.rest())
	switch {
	case unicode.IsSpace(r):
		l.advance(size)
	case strings.HasPrefix(l.rest(), `\*`):
		n := strings.IndexByte(l.rest(), '\n')
		if n < 0 {
			n = len(l.rest())
		}
		l.comment(n)
	case strings.HasPrefix(l.rest(), "(*"):
		n, err := l.blockComment()
		if err != nil {
			return err
		}
		l.comment(n)
	case r == '"':
		n, err := l.stringLength()
		if err != nil {
			return err
		}
		l.emit(tokenString, n)
	case isWordRune(r):
		l.emit(tokenWord, wordLength(l.rest()))
	case r == '\\' && len(l.rest()) > 1 && isWordRune(rune(l.rest()[1])):
		l.emit(tokenSymbol, 1+wordLength(l.rest()[1:])) // \in, \cup, \A, …
	case strings.HasPrefix(l.rest(), "----"), strings.HasPrefix(l.rest(), "===="):
		l.emit(tokenSymbol, len(l.rest())-len(strings.TrimLeft(l.rest(), string(r))))
	default:
		l.emit(tokenSymbol, symbolLength(l.rest(), size))
	}
	return nil
}

func (l *lexer) comment(n int) {
	l.comments = append(l.comments, [2]int{l.pos, l.pos + n})
	l.advance(n)
}

// blockComment returns the length of the comment that starts here. Comments nest.
func (l *lexer) blockComment() (int, error) {
	depth, rest := 0, l.rest()
	for i := 0; i+1 < len(rest); {
		switch rest[i : i+2] {
		case "(*":
			depth++
			i += 2
		case "*)":
			depth--
			i += 2
			if depth == 0 {
				return i, nil
			}
		default:
			i++
		}
	}
	return 0, &lexError{l.line, "a comment does not end"}
}

func (l *lexer) stringLength() (int, error) {
	rest := l.rest()
	for i := 1; i < len(rest); i++ {
		switch rest[i] {
		case '\\':
			i++
		case '"':
			return i + 1, nil
		case '\n':
			return 0, &lexError{l.line, "a string does not end on its line"}
		}
	}
	return 0, &lexError{l.line, "a string does not end"}
}

// blank returns the text with spaces for comments.
func (l *lexer) blank() string {
	var out strings.Builder
	from := 0
	for _, c := range l.comments {
		out.WriteString(l.text[from:c[0]])
		for _, r := range l.text[c[0]:c[1]] {
			if r == '\n' {
				out.WriteByte('\n')
				continue
			}
			out.WriteString(strings.Repeat(" ", utf8.RuneLen(r)))
		}
		from = c[1]
	}
	out.WriteString(l.text[from:])
	return out.String()
}

func isWordRune(r rune) bool {
	return r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
}

func wordLength(s string) int {
	for i, r := range s {
		if !isWordRune(r) {
			return i
		}
	}
	return len(s)
}

func symbolLength(s string, size int) int {
	for _, symbol := range symbols {
		if strings.HasPrefix(s, symbol) {
			return len(symbol)
		}
	}
	return size
}
