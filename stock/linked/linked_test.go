package linked

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"testing"
)

var (
	all = flag.Bool("all", false, "link all side modules, not a sample")
	// With -all.
	update = flag.Bool("update", false, "write spec/side-modules.md")
)

const page = "../../spec/side-modules.md"

// row is a line of the table.
type row struct{ pkg, main, file, verdict string }

func (r row) String() string {
	return fmt.Sprintf("| %s | `%s` | %s | %s |", r.pkg, r.file, r.main, r.verdict)
}

const links = "links"

// sampled are the packages of which a run without -all links everything: they are small, and their
// main modules, too.
func sampled(m Module) bool {
	return strings.HasPrefix(m.Package, "@tree-sitter-grammars/") ||
		slices.Contains([]string{"tree-sitter-json", "tree-sitter-go", "h5wasm-plugins"}, m.Package)
}

// Each side module of the pinned packages is in the table of spec/side-modules.md, which says
// whether it links with its main module, and why not; what is linked here does as the table says.
// make side-modules links them all, and writes the table.
func TestSideModules(t *testing.T) {
	if testing.Short() {
		t.Skip("it reads all packages")
	}
	rows := map[string]row{}
	var order []string
	mains, modules := map[string]Main{}, map[string][]Module{}
	err := Find(func(m Module) error {
		x, err := MainOf(m)
		if err != nil {
			return err
		}
		key := m.Package + "/" + m.File
		rows[key], order = row{m.Package, x.Name, m.File, ""}, append(order, key)
		if *all || sampled(m) {
			mains[x.Name], modules[x.Name] = x, append(modules[x.Name], m)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range mains {
		err := x.Link(context.Background(), modules[name], func(m Module, err error) {
			key := m.Package + "/" + m.File
			r := rows[key]
			if r.verdict = links; err != nil {
				r.verdict = reason(err)
			}
			rows[key] = r
		})
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if *all && *update && !t.Failed() {
		if err := os.WriteFile(page, []byte(render(rows, order)), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	compare(t, rows)
}

// reason is an error's text without what stands in the row anyway.
func reason(err error) string {
	text := strings.Join(strings.Fields(strings.ReplaceAll(err.Error(), "|", "\\|")), " ")
	return strings.TrimPrefix(text, "linker: ")
}

// compare compares the rows that there are with the page.
func compare(t *testing.T, rows map[string]row) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	linked, packages := 0, map[string]bool{}
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if len(cells) != 4 || !strings.HasPrefix(cells[1], "`") {
			continue
		}
		r := row{strings.TrimPrefix(cells[0], "| "), cells[2], strings.Trim(cells[1], "`"),
			strings.TrimSuffix(cells[3], " |")}
		key := r.pkg + "/" + r.file
		got, ok := rows[key]
		if !ok {
			t.Errorf("%s has %s, which no package has", path.Base(page), key)
			continue
		}
		if got.main != r.main || got.verdict != "" && got.verdict != r.verdict {
			t.Errorf("%s: %s, %s; the page says %s, %s", key, got.main, got.verdict, r.main,
				r.verdict)
		}
		if delete(rows, key); r.verdict == links {
			linked, packages[r.pkg] = linked+1, true
		}
	}
	for key := range rows {
		t.Errorf("%s is not in %s: make side-modules", key, path.Base(page))
	}
	if linked < 150 || len(packages) < 15 {
		t.Errorf("%d side modules of %d packages link, want 150 of 15", linked, len(packages))
	}
}

// render writes the page.
func render(rows map[string]row, order []string) string {
	type sum struct{ linked, all int }
	sums, total := map[string]sum{}, sum{}
	var packages []string
	for _, key := range order {
		r := rows[key]
		s := sums[r.pkg]
		if s.all == 0 {
			packages = append(packages, r.pkg)
		}
		s.all, total.all = s.all+1, total.all+1
		if r.verdict == links {
			s.linked, total.linked = s.linked+1, total.linked+1
		}
		sums[r.pkg] = s
	}
	var b strings.Builder
	fmt.Fprintf(&b, `# Side modules of npm that link

Written by `+"`make side-modules`"+`: each side module of the pinned packages is loaded, unchanged,
into the main module that it was made for, by itself; its constructors run, and it is unloaded.
Functions that no module has are no error until they are called. A sample is linked by each run of
[`+"`TestSideModules`"+`](../stock/linked/linked_test.go), which compares it with the table.

Two grammars that link, elm and ql, are refused by tree-sitter: they were generated for an older
interface.

%d of %d side modules link, of %d packages.

| package | link | of |
| --- | --- | --- |
`, total.linked, total.all, len(packages))
	for _, p := range packages {
		fmt.Fprintf(&b, "| %s | %d | %d |\n", p, sums[p].linked, sums[p].all)
	}
	b.WriteString("\n## Each module\n\n| package | module | main module | verdict |\n" +
		"| --- | --- | --- | --- |\n")
	for _, key := range order {
		b.WriteString(rows[key].String() + "\n")
	}
	return b.String()
}
