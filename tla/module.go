package tla

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Errors of reading specifications. They are wrapped by a [*SpecError].
var (
	// ErrSyntax means that a text is not a module, or not a configuration, as far as this package
	// reads it.
	ErrSyntax = errors.New("syntax error")
	// ErrNoModule means that a module is neither in the folder nor one of TLA+'s own.
	ErrNoModule = errors.New("no such module")
	// ErrCycle means that modules extend each other in a circle.
	ErrCycle = errors.New("modules depend on each other")
	// ErrUnsupported means a construct that the embedded checker lacks, or is known to misread.
	ErrUnsupported = errors.New("the embedded checker cannot be trusted with it")
)

// SpecError says which file could not be used, and why. It wraps one of the Err… values of this
// package or an error of the file system.
type SpecError struct {
	File string // the file or module
	Line int    // counted from 1; 0 where there is none
	What string // details; may be empty
	Err  error
}

// Error implements the error interface.
func (e *SpecError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "tla: %s", e.File)
	if e.Line > 0 {
		fmt.Fprintf(&b, ":%d", e.Line)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	if e.What != "" {
		fmt.Fprintf(&b, ": %s", e.What)
	}
	return b.String()
}

// Unwrap returns the reason.
func (e *SpecError) Unwrap() error { return e.Err }

// standardModules are the modules that come with TLC; they are never looked for in the folder's
// stead, and they are no input of a record.
var standardModules = []string{
	"Bags", "FiniteSets", "Integers", "Json", "Naturals", "Randomization", "RealTime", "Reals",
	"Sequences",
	"TLC", "TLCExt", "IOUtils", "CSV", "Functions", "SequencesExt", "FiniteSetsExt", "Toolbox",
}

// Module is one TLA+ module.
type Module struct {
	Name string
	// Source is the whole text of the file.
	Source string
	// Extends are the names behind EXTENDS, in order.
	Extends []string
	// Instances are the names behind INSTANCE, in order of appearance, without repetition.
	Instances []string

	tokens []token // of the module's body
	body   string  // between the first and the last line; without comments and EXTENDS
}

// ParseModule reads the outline of a module: its name, what it uses, and its tokens. It does not
// check that the text is TLA+; TLC does that. file is only for errors, which are [*SpecError]s.
func ParseModule(file, source string) (*Module, error) {
	// Whatever stands before the first line and after the last is not part of the module.
	first := strings.Index(source, "----")
	for first >= 0 && !isHeader(source[first:]) {
		next := strings.Index(source[first+4:], "----")
		if next < 0 {
			first = -1
			break
		}
		first += 4 + next
	}
	if first < 0 {
		return nil, &SpecError{File: file, Err: ErrSyntax, What: "no line ---- MODULE name ----"}
	}
	prefix := strings.Count(source[:first], "\n")
	tokens, blanked, err := lexModule(source[first:])
	if err != nil {
		var lexical *lexError
		if errors.As(err, &lexical) {
			return nil, &SpecError{File: file, Line: lexical.line + prefix, Err: ErrSyntax,
				What: lexical.what}
		}
		return nil, &SpecError{File: file, Err: err}
	}
	m := &Module{Name: tokens[2].text, Source: source}
	last := slices.IndexFunc(tokens,
		func(t token) bool { return strings.HasPrefix(t.text, "====") })
	if last < 0 {
		return nil, &SpecError{File: file, Err: ErrSyntax, What: "no line ==== at the end"}
	}
	body := tokens[4:last]
	for i := range body {
		body[i].line += prefix
	}
	if i := slices.IndexFunc(body, func(t token) bool { return t.text == "MODULE" }); i >= 0 {
		return nil, &SpecError{File: file, Line: body[i].line, Err: ErrUnsupported,
			What: "a module inside a module"}
	}
	rest := m.readExtends(body)
	m.readInstances(rest)
	m.tokens = rest
	from := tokens[3].end
	if len(rest) < len(body) {
		from = body[len(body)-len(rest)-1].end
	}
	m.body = blanked[from:tokens[last].start]
	return m, nil
}

// isHeader reports whether s starts with a module's first line.
func isHeader(s string) bool {
	line, _, _ := strings.Cut(s, "\n")
	fields := strings.Fields(strings.Trim(strings.TrimSpace(line), "-"))
	return len(fields) == 2 && fields[0] == "MODULE" && wordLength(fields[1]) == len(fields[1]) &&
		strings.HasSuffix(strings.TrimSpace(line), "----")
}

// readExtends takes the EXTENDS clause off the front of a body.
func (m *Module) readExtends(body []token) []token {
	if len(body) == 0 || body[0].text != "EXTENDS" {
		return body
	}
	body = body[1:]
	for len(body) > 0 && body[0].kind == tokenWord {
		m.Extends = append(m.Extends, body[0].text)
		body = body[1:]
		if len(body) == 0 || body[0].text != "," {
			break
		}
		body = body[1:]
	}
	return body
}

func (m *Module) readInstances(body []token) {
	for i, t := range body {
		if t.text == "INSTANCE" && i+1 < len(body) &&
			!slices.Contains(m.Instances, body[i+1].text) {
			m.Instances = append(m.Instances, body[i+1].text)
		}
	}
}

// Specification is a module together with every module it uses, directly or not.
type Specification struct {
	// Root is the module that TLC is started with.
	Root *Module
	// Modules are the modules from the folder, Root last; each comes after those it uses.
	Modules []*Module
	// Standard are the names of TLA+'s own modules that are extended, sorted.
	Standard []string
}

// LoadSpecification reads the module name and everything it uses from the root of fsys.
// The errors are [*SpecError]s.
func LoadSpecification(fsys fs.FS, name string) (*Specification, error) {
	s := &Specification{}
	loader := &specLoader{fsys: fsys, spec: s, state: map[string]int{}}
	if err := loader.load(name, ""); err != nil {
		return nil, err
	}
	s.Root = s.Modules[len(s.Modules)-1]
	slices.Sort(s.Standard)
	s.Standard = slices.Compact(s.Standard)
	return s, nil
}

type specLoader struct {
	fsys  fs.FS
	spec  *Specification
	state map[string]int // 1: being read, 2: read
}

func (l *specLoader) load(name, user string) error {
	switch l.state[name] {
	case 1:
		return &SpecError{File: user + ".tla", Err: ErrCycle, What: name}
	case 2:
		return nil
	}
	file := name + ".tla"
	source, err := fs.ReadFile(l.fsys, file)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && user != "" {
			return &SpecError{File: user + ".tla", Err: ErrNoModule, What: name}
		}
		return &SpecError{File: file, Err: err}
	}
	m, err := ParseModule(file, string(source))
	if err != nil {
		return err
	}
	if m.Name != name {
		return &SpecError{File: file, Err: ErrSyntax, What: "the module is called " + m.Name}
	}
	l.state[name] = 1
	for _, used := range slices.Concat(m.Extends, m.Instances) {
		if slices.Contains(standardModules, used) {
			if slices.Contains(m.Extends, used) {
				l.spec.Standard = append(l.spec.Standard, used)
			}
			continue
		}
		if err := l.load(used, name); err != nil {
			return err
		}
	}
	l.state[name] = 2
	l.spec.Modules = append(l.spec.Modules, m)
	return nil
}

// Files returns the names of the files the specification was read from, sorted.
func (s *Specification) Files() []string {
	var files []string
	for _, m := range s.Modules {
		files = append(files, path.Clean(m.Name+".tla"))
	}
	slices.Sort(files)
	return files
}

// Join returns the specification as a single module without comments, for a checker that knows
// EXTENDS of TLA+'s own modules only. Modules that are used by INSTANCE cannot be joined: they are
// an error that wraps [ErrUnsupported].
func (s *Specification) Join() (string, error) {
	var b strings.Builder
	fmt.Fprintf(&b, "---- MODULE %s ----\n", s.Root.Name)
	if len(s.Standard) > 0 {
		fmt.Fprintf(&b, "EXTENDS %s\n", strings.Join(s.Standard, ", "))
	}
	for _, m := range s.Modules {
		if len(m.Instances) > 0 {
			return "", &SpecError{File: m.Name + ".tla", Err: ErrUnsupported, What: "INSTANCE " +
				m.Instances[0]}
		}
		b.WriteString(m.body)
		b.WriteByte('\n')
	}
	b.WriteString("====\n")
	return b.String(), nil
}
