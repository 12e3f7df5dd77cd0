package dylink_test

import (
	"errors"
	"reflect"
	"strings"
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
)

// FuzzRead: any bytes give an Info that keeps the limits and survives writing and reading, or
// a typed error inside the file.
func FuzzRead(f *testing.F) {
	for _, file := range fixtures(f) {
		f.Add(file[:min(len(file), 4096)])
	}
	f.Add([]byte(header))
	f.Add(module("dylink", 8, 2, 1, 0, 1, 1, 'x'))
	f.Add(module("dylink.0",
		join(sub(1, 0, 0, 0, 0), sub(3, 1, 1, 'a', 1), sub(4, 1, 1, 'e', 1, 'a', 1), sub(6, 1))...))
	f.Add(section(module("name"), "dylink.0"))
	f.Fuzz(func(t *testing.T, file []byte) {
		info, err := dylink.Read(file)
		if err != nil {
			var fe *dylink.FormatError
			if info != nil || !strings.HasPrefix(err.Error(), "dylink: ") {
				t.Fatalf("%+v, %v", info, err)
			}
			if !errors.Is(err, dylink.ErrNotLibrary) &&
				(!errors.As(err, &fe) || fe.Offset < 0 || fe.Offset > len(file)) {
				t.Fatal(err)
			}
			return
		}
		if info.MemoryAlignment > 31 || info.TableAlignment > 31 ||
			len(info.Needed) > dylink.MaxNeeded {
			t.Fatalf("beyond the limits: %+v", info)
		}
		again, err := dylink.Read(info.Append([]byte(header)))
		if err != nil || !reflect.DeepEqual(again, info) {
			t.Fatalf("%+v becomes %+v, %v", info, again, err)
		}
	})
}

func BenchmarkRead(b *testing.B) {
	small := dylink.Info{MemorySize: 4096, MemoryAlignment: 4,
		Needed: []string{"liba.so", "libb.so"}}
	old := small
	old.Legacy = true
	large := small
	for range 1000 {
		large.Exports = append(large.Exports,
			dylink.ExportInfo{Name: "some_exported_symbol", Flags: dylink.TLS})
	}
	for _, bb := range []struct {
		name string
		file []byte
	}{
		{"small", small.Append([]byte(header))},
		{"older", old.Append([]byte(header))},
		{"1000 exports", large.Append([]byte(header))},
		{"not a library", append([]byte(header), 1, 1, 0)},
	} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, err := dylink.Read(bb.file)
				if err != nil && !errors.Is(err, dylink.ErrNotLibrary) {
					b.Fatal(err)
				}
			}
		})
	}
}
