package space

import (
	"testing"

	"github.com/tetratelabs/wazero/api"
)

// asked is an instance that counts the functions that are made of it.
type asked struct {
	api.Module
	n int
}

func (a *asked) ExportedFunction(string) api.Function {
	a.n++
	return nil
}

// A table writer's function is made when another writer's was used last: however many writers a
// group has, it has one function of them for each table.
func TestLastWriterKeepsOneFunction(t *testing.T) {
	var p lastWriter
	one, two := &asked{}, &asked{}
	for _, w := range []*asked{one, one, two, two, one} {
		p.use(w, "put")
		if p.of != w {
			t.Errorf("it keeps a function of %v", p.of)
		}
	}
	if one.n != 2 || two.n != 1 {
		t.Errorf("%d and %d functions made", one.n, two.n)
	}
}
