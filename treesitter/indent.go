package treesitter

import "strings"

// Indent breaks an S-expression, as [Node.SExpression] returns it, into lines: one for each node,
// two spaces for each level, the field name in front of its node. The result ends with a newline
// unless it is empty.
func Indent(tree string) string {
	if tree == "" {
		return ""
	}
	var b strings.Builder
	depth := 0
	for i := 0; i < len(tree); {
		switch c := tree[i]; {
		case c == '"' || c == '\'':
			end := quoted(tree, i)
			b.WriteString(tree[i:end])
			i = end
			continue
		case c == '(':
			depth++
			b.WriteByte(c)
		case c == ')':
			depth--
			b.WriteByte(c)
		case c == ' ' && startsNode(tree[i+1:]) && !strings.HasSuffix(tree[:i], ":"):
			b.WriteByte('\n')
			b.WriteString(strings.Repeat("  ", max(depth, 0)))
		default:
			b.WriteByte(c)
		}
		i++
	}
	b.WriteByte('\n')
	return b.String()
}

// startsNode reports whether s starts with a node, or with a field name and a node.
func startsNode(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '(':
			return i == 0
		case c == ':':
			return i > 0
		case c == ' ' || c == ')' || c == '"' || c == '\'':
			return false
		}
	}
	return false
}

// quoted returns the end of the token that starts at i with a quotation mark. Tree-sitter escapes
// nothing in the name of a missing token or in an unexpected character, but a node ends right
// behind it: the mark that closes is the first one, after at least one character, with a
// parenthesis behind it.
func quoted(s string, i int) int {
	for j := i + 2; j+1 < len(s); j++ {
		if s[j] == s[i] && s[j+1] == ')' {
			return j + 1
		}
	}
	return len(s)
}
