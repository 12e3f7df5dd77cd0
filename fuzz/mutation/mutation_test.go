package mutation

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/fuzz/faults"
)

// small is a package with one of everything that is changed, and its tests.
const small = `package small

import "errors"

var errOdd = errors.New("odd")

type Counter struct{ n int }

func (c *Counter) Add(by int) error {
	if by%2 == 1 || by < 0 {
		return errOdd
	}
	c.n += by
	c.reset()
	return nil
}

func (c *Counter) reset() {
	for c.n > 10 {
		c.n -= 10
	}
}

func (c *Counter) Even() bool { return c.n&1 == 0 }

func (c *Counter) String() string { return "a counter of 1" }
`

const smallTest = `package small

import "testing"

func TestAdd(t *testing.T) {
	var c Counter
	if c.Add(3) == nil || c.n != 0 {
		t.Error("odd")
	}
	if c.Add(12) != nil || c.n != 2 {
		t.Error("even")
	}
}
`

func tree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.org/tree\n\ngo 1.25\n",
		"small/small.go": small, "small/small_test.go": smallTest} {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// Every kind of change is made, those alone that compile, and none in a text for people.
func TestChanges(t *testing.T) {
	all, err := List(context.Background(), Options{Root: tree(t), Folder: "small"})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, m := range all {
		keys = append(keys, strings.TrimPrefix(m.Key(), "small/small.go Counter."))
	}
	want := []string{
		"Add: by%2 == 1 || by < 0 => ((by%2 == 1 || by < 0) || true)",
		"Add: by%2 == 1 || by < 0 => ((by%2 == 1 || by < 0) && false)",
		"Add: by%2 == 1 => ((by%2 == 1) && false)",
		"Add: 2 => 3",
		"Add: 1 => 2",
		"Add: by < 0 => ((by < 0) && false)",
		"Add: by < 0 => (by <= 0)",
		"Add: 0 => 1",
		"Add: errOdd => nil",
		"Add: c.n += by => _ = by",
		"Add: c.reset() => {}",
		"reset: c.n > 10 => ((c.n > 10) && false)",
		"reset: c.n > 10 => (c.n >= 10)",
		"reset: 10 => 11",
		"reset: c.n -= 10 => _ = 10",
		"reset: 10 => 11 #2",
		"Even: c.n&1 == 0 => !(c.n&1 == 0)",
		"Even: c.n&1 => (c.n | 1)",
		"Even: 1 => 2",
		"Even: 0 => 1",
	}
	if !slices.Equal(keys, want) {
		t.Errorf("%s", strings.Join(keys, "\n"))
	}
}

// What the tests notice is killed, what they do not is a survivor, and the list of survivors names
// it.
func TestRun(t *testing.T) {
	o := Options{Root: tree(t), Folder: "small", Only: "Even", Parallel: 2}
	r, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if r.Killed != 0 || len(r.Survivors) != 4 || r.Sample != 4 || r.Score() != 0 {
		t.Errorf("no test calls Even: %+v", r)
	}
	o.Only = "Add: c.n += by"
	told := 0
	o.Progress = func(v Verdict, done, all int) {
		if told++; !v.Killed || v.By != "small" || v.Test != "TestAdd" || done != 1 || all != 1 {
			t.Errorf("%+v, %d of %d", v, done, all)
		}
	}
	if r, err = Run(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	if r.Killed != 1 || len(r.Survivors) != 0 || r.Score() != 100 || told != 1 {
		t.Errorf("%+v, told %d times", r, told)
	}
}

// With more tests the survivors alone are run again, and the others stay killed. With another
// source that is refused.
func TestAgain(t *testing.T) {
	o := Options{Root: tree(t), Folder: "small", Only: "Even"}
	first, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	write := func(name, text string) {
		path := filepath.Join(o.Root, "small", name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("even_test.go", `package small

import "testing"

func TestEven(t *testing.T) {
	if (&Counter{n: 3}).Even() {
		t.Error("odd")
	}
}
`)
	o.Again = first
	second, err := Run(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	if second.Sample != 4 || second.Killed != 2 || len(second.Survivors) != 2 {
		t.Errorf("%+v", second)
	}
	o.Again = second
	if third, err := Run(context.Background(), o); err != nil || third.Killed != 2 ||
		len(third.Survivors) != 2 || len(third.Verdicts()) != 2 {
		t.Errorf("%+v, %v", third, err)
	}
	write("small.go", strings.Replace(small, "c.n&1", "c.n&3", 1))
	if _, err := Run(context.Background(), o); !errors.Is(err, ErrChanged) {
		t.Errorf("another source: %v", err)
	}
}

// The same seed draws the same mutants.
func TestDraw(t *testing.T) {
	root := tree(t)
	draw := func(seed uint64) (keys []string) {
		all, err := List(context.Background(), Options{Root: root, Folder: "small", Sample: 5,
			Seed: seed})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range all {
			keys = append(keys, m.Key())
		}
		return keys
	}
	one, again, other := draw(1), draw(1), draw(2)
	if len(one) != 5 || !slices.Equal(one, again) || slices.Equal(one, other) {
		t.Errorf("%q, %q, %q", one, again, other)
	}
}

// A package whose tests fail without any change cannot be judged.
func TestUnsound(t *testing.T) {
	root := tree(t)
	err := os.WriteFile(filepath.Join(root, "small", "more_test.go"),
		[]byte("package small\n\nimport \"testing\"\n\nfunc TestMore(t *testing.T) { t.Fail() }\n"),
		0o600)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Run(context.Background(), Options{Root: root, Folder: "small", Sample: 1})
	var sound *faults.SoundError
	if !errors.As(err, &sound) || !slices.Equal(sound.Tests, []string{"TestMore"}) {
		t.Errorf("%v", err)
	}
}

func TestParse(t *testing.T) {
	reasons, err := parse("# a remark\na b: c => d\n    it is\n    the same\n\ne\n    f\n")
	if err != nil || len(reasons) != 2 || reasons["a b: c => d"] != "it is the same" ||
		reasons["e"] != "f" {
		t.Errorf("%q, %v", reasons, err)
	}
	for _, text := range []string{"a\nb\n    c\n", "    c\n", "a\n", "a\n  b\na\n  b\n"} {
		if _, err := parse(text); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

// Each mutant that is listed as equivalent exists: its file and function do, and what it replaces
// is there.
func TestEquivalentMutantsExist(t *testing.T) {
	reasons, err := Equivalent()
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]map[string]bool{}
	for key := range reasons {
		file, _, _ := strings.Cut(key, " ")
		folder := filepath.ToSlash(filepath.Dir(file))
		if known[folder] == nil {
			c, err := find(context.Background(), filepath.Join("..", ".."), folder)
			if err != nil {
				t.Fatal(err)
			}
			known[folder] = map[string]bool{}
			for _, m := range c.all {
				known[folder][m.Key()] = true
			}
		}
		if !known[folder][key] {
			t.Errorf("equivalent.txt: there is no mutant %s", key)
		}
	}
}

// Results of a package take the place of older ones, and the tables show all.
func TestRecord(t *testing.T) {
	file := filepath.Join(t.TempDir(), "mutation.json")
	for _, r := range []*Result{{Package: "b", Candidates: 9, Sample: 4, Killed: 3,
		Survivors: []Survivor{{"b.go F: x | y => x", 7}}}, {Package: "a", Killed: 1, Sample: 1},
		{Package: "b", Candidates: 9, Sample: 4, Killed: 3,
			Survivors: []Survivor{{"b.go F: x || y => x", 7}}}} {
		if err := Write(file, r); err != nil {
			t.Fatal(err)
		}
	}
	all, err := Read(file)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d results, %v", len(all), err)
	}
	want := `| package | changes | drawn | equivalent | killed | survived | score |
| --- | --- | --- | --- | --- | --- | --- |
| a | 0 | 1 | 0 | 1 | 0 | 100.0 % |
| b | 9 | 4 | 0 | 3 | 1 | 75.0 % |

| survivor |
| --- |
| ` + "`b.go F: x \\|\\| y => x`" + ` |
`
	if got := Markdown(all); got != want {
		t.Errorf("%s", got)
	}
}
