package tla

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// folder makes a file system of texts.
func folder(files map[string]string) fs.FS {
	m := fstest.MapFS{}
	for name, text := range files {
		m[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return m
}

// module writes a module with a body.
func module(name, body string) string {
	return "---- MODULE " + name + " ----\n" + body + "\n====\n"
}

func TestLoadSpecification(t *testing.T) {
	fsys := folder(map[string]string{
		"Top.tla": "This is not TLA+ yet (* .\n" +
			module("Top", "EXTENDS Middle, Naturals, TLC\nTop1 == 1 \\* one") + "nor this: \"",
		"Middle.tla": module("Middle", "EXTENDS Base, Sequences (* two *)\nMiddle1 == 2"),
		"Base.tla":   module("Base", "EXTENDS Naturals\nBase1 == 3"),
		"Inst.tla": module("Inst",
			"EXTENDS Base\nB == INSTANCE Base\nM == INSTANCE Middle WITH x <- 1"),
	})
	s, err := LoadSpecification(fsys, "Top")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Files(),
		[]string{"Base.tla", "Middle.tla", "Top.tla"}; !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	if got, want := s.Standard, []string{"Naturals", "Sequences", "TLC"}; !slices.Equal(got, want) {
		t.Errorf("standard modules %v, want %v", got, want)
	}
	joined, err := s.Join()
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseModule("joined", joined)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := strings.Join(tokenTexts(m.tokens), " "),
		"Base1 == 3 Middle1 == 2 Top1 == 1"; got != want {
		t.Errorf("joined body %q, want %q", got, want)
	}
	if !slices.Equal(m.Extends, s.Standard) || m.Name != "Top" {
		t.Errorf("joined module %s extends %v, want Top, %v", m.Name, m.Extends, s.Standard)
	}

	s, err = LoadSpecification(fsys, "Inst")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.Files(),
		[]string{"Base.tla", "Inst.tla", "Middle.tla"}; !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
	if _, err := s.Join(); !errors.Is(err, ErrUnsupported) {
		t.Errorf("joining a specification with INSTANCE: %v, want %v", err, ErrUnsupported)
	}
}

func TestLoadSpecificationErrors(t *testing.T) {
	for _, c := range []struct {
		name  string
		files map[string]string
		want  error
		text  string
	}{
		{"no file", nil, fs.ErrNotExist, "tla: M.tla: "},
		{"no module used", map[string]string{"M.tla": module("M", "EXTENDS Other")}, ErrNoModule,
			"tla: M.tla: no such module: Other"},
		{"other name", map[string]string{"M.tla": module("N", "")}, ErrSyntax,
			"the module is called N"},
		{"no header", map[string]string{"M.tla": "-------\n----"}, ErrSyntax,
			"no line ---- MODULE name ----"},
		{"no end", map[string]string{"M.tla": "---- MODULE M ----\nA == 1"}, ErrSyntax,
			"no line ===="},
		{"open comment", map[string]string{"M.tla": "\n" + module("M", "(*")}, ErrSyntax,
			"M.tla:3: "},
		{"circle", map[string]string{"M.tla": module("M", "EXTENDS N"),
			"N.tla": module("N", "EXTENDS M")}, ErrCycle, "tla: N.tla: "},
		{"inner module", map[string]string{"M.tla": module("M", "---- MODULE N ----\n====")},
			ErrUnsupported, "M.tla:2: "},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := LoadSpecification(folder(c.files), "M")
			if !errors.Is(err, c.want) || !strings.Contains(err.Error(), c.text) {
				t.Errorf("error %v, want %v with %q", err, c.want, c.text)
			}
			var spec *SpecError
			if !errors.As(err, &spec) {
				t.Errorf("error %T is not a *SpecError", err)
			}
		})
	}
}

func TestParseConfig(t *testing.T) {
	c, err := ParseConfig("M.cfg", `
\* A configuration
SPECIFICATION Spec
CONSTANTS
    Groups = {g1, (* not the last *) g2}  g1 = g1
    Max <- MCMax
CONSTANT Off = {"a b"}
INVARIANTS TypeOK
    Inv
PROPERTY Live
SYMMETRY Perms
VIEW v
CHECK_DEADLOCK FALSE`)
	if err != nil {
		t.Fatal(err)
	}
	constants := []Constant{{Name: "Groups", Value: "{g1,                    g2}"},
		{Name: "g1", Value: "g1"}, {Name: "Max", Value: "MCMax", Replaced: true},
		{Name: "Off", Value: `{"a b"}`}}
	if !slices.Equal(c.Constants, constants) {
		t.Errorf("constants %v, want %v", c.Constants, constants)
	}
	if !slices.Equal(c.Invariants, []string{"TypeOK", "Inv"}) ||
		!slices.Equal(c.Properties, []string{"Live"}) {
		t.Errorf("invariants %q, properties %q", c.Invariants, c.Properties)
	}
	if c.Specification != "Spec" || c.View != "v" || c.CheckDeadlock ||
		!slices.Equal(c.Symmetry, []string{"Perms"}) {
		t.Errorf("configuration %+v", c)
	}
	if !c.Checks("Live") || !c.Checks("Inv") || c.Checks("Spec") {
		t.Error("Checks confuses names")
	}
}

func TestParseConfigErrors(t *testing.T) {
	for text, want := range map[string]string{
		"SPEC Spec":                        `M.cfg:1: syntax error: "SPEC" is no keyword`,
		"\nINIT A B":                       "M.cfg:2: syntax error: INIT takes one word",
		"CHECK_DEADLOCK MAYBE":             "takes TRUE or FALSE",
		"CONSTANTS a =":                    `constant "a" has no value`,
		"CONSTANTS a":                      `constant "a" has no value`,
		"INVARIANT A = 1":                  "takes names",
		"CONSTANT a = \"":                  "a string does not end",
		"CONSTANT a = b = ":                `constant "a" has no value`,
		"SPECIFICATION Spec SPECIFICATION": "takes one word",
	} {
		_, err := ParseConfig("M.cfg", text)
		if !errors.Is(err, ErrSyntax) || !strings.Contains(err.Error(), want) {
			t.Errorf("ParseConfig(%q): %v, want %q", text, err, want)
		}
	}
}

func TestActions(t *testing.T) {
	for _, c := range []struct {
		name, body string
		want       string // names, or part of the error
		fails      bool
	}{
		{"flat", "Next ==\n    \\/ \\E g \\in G : A(g)\n    \\/ \\E g \\in G : \\E o \\in X \\X " +
			"Y : B(g, <<o, 1>>)\n    \\/ C\nSpec == 1", "A B C", false},
		{"last definition", "Next ==\n    \\/ A\n    \\/ B(x)", "A B", false},
		{"none", "Spec == 1", "no definition of Next", true},
		{"not a list", "Next == A /\\ B", "not one action a line", true},
		{"a conjunction", "Next ==\n    \\/ A /\\ B", "not one action a line", true},
		{"a list in a list", "Next ==\n    \\/ \\/ A\n       \\/ B", "not one action a line", true},
		{"empty", "Next ==\nSpec == 1", "Next is empty", true},
		{"arguments and more", "Next ==\n    \\/ A(x) = 1", "not one action a line", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := LoadSpecification(folder(map[string]string{"M.tla": module("M", c.body)}),
				"M")
			if err != nil {
				t.Fatal(err)
			}
			lines, err := s.Actions("Next")
			if c.fails {
				if !errors.Is(err, ErrSyntax) || !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v, want %q", err, c.want)
				}
				return
			}
			var names []string
			for _, l := range lines {
				names = append(names, l.Name)
			}
			if got := strings.Join(names, " "); err != nil || got != c.want {
				t.Errorf("actions %q, %v, want %q", got, err, c.want)
			}
		})
	}
}
