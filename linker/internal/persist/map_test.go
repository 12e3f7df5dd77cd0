package persist_test

import (
	"maps"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/linker/internal/persist"
)

// Every version of a map stays what it was, whatever is made of it: compared with copies of Go's
// maps.
func TestMap(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type version struct {
			m    persist.Map[string, int]
			want map[string]int
		}
		versions := []version{{want: map[string]int{}}}
		keys := rapid.StringMatching(`[a-d]{0,3}`)
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			v := versions[rapid.IntRange(0, len(versions)-1).Draw(t, "version")]
			want := maps.Clone(v.want)
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				key, value := keys.Draw(t, "key"), rapid.Int().Draw(t, "value")
				want[key] = value
				v.m = v.m.With(key, value)
			case 1:
				key := keys.Draw(t, "key")
				delete(want, key)
				v.m = v.m.Without(key)
			default:
				more := rapid.MapOf(keys, rapid.Int()).Draw(t, "more")
				maps.Copy(want, more)
				v.m = v.m.WithAll(maps.All(more))
			}
			versions = append(versions, version{v.m, want})
		}
		for i, v := range versions {
			if got := maps.Collect(v.m.All); !maps.Equal(got, v.want) || v.m.Len() != len(v.want) {
				t.Fatalf("version %d: %v (%d), want %v", i, got, v.m.Len(), v.want)
			}
			for key, want := range v.want {
				if got, ok := v.m.Get(key); !ok || got != want || v.m.At(key) != want {
					t.Fatalf("version %d: %q: %d, %v", i, key, got, ok)
				}
			}
			if _, ok := v.m.Get("none"); ok || v.m.At("none") != 0 {
				t.Fatalf("version %d: a key that is not there", i)
			}
		}
	})
}

// All stops when it is told to.
func TestAllStops(t *testing.T) {
	m := persist.Map[uint32, bool]{}.With(1, true).With(2, true)
	n := 0
	for range m.All {
		n++
		break
	}
	if n != 1 {
		t.Errorf("%d keys", n)
	}
}
