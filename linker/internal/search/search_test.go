package search_test

import (
	"reflect"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/search"
)

func TestFiles(t *testing.T) {
	for _, c := range []struct {
		name, from string
		path, dirs []string
		want       []string
	}{
		{"liba.so", "", nil, nil, []string{"liba.so"}},
		{"liba.so", "", nil, []string{"lib", "/usr/lib"},
			[]string{"lib/liba.so", "usr/lib/liba.so"}},
		{"lib/liba.so", "bin/main", []string{"$ORIGIN"}, []string{"other"},
			[]string{"lib/liba.so"}},
		{"/lib/liba.so", "", nil, nil, []string{"lib/liba.so"}},
		{"../liba.so", "", nil, nil, []string{"../liba.so"}},
		{"liba.so", "bin/x/main", []string{"$ORIGIN/../lib:${ORIGIN}"}, []string{"z"},
			[]string{"bin/lib/liba.so", "bin/x/liba.so", "z/liba.so"}},
	} {
		var got []string
		for _, f := range search.Files(c.name, c.from, c.path, c.dirs) {
			got = append(got, f.File)
		}
		if !reflect.DeepEqual(got, c.want) {
			t.Errorf("%q from %q: %q, want %q", c.name, c.from, got, c.want)
		}
	}
}
