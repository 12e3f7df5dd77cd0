package wasm_test

import (
	"testing"

	"github.com/lockstep-wasm/lockstep/linker/internal/wasm"
)

func BenchmarkDecode(b *testing.B) {
	files := fixtures(b)
	for _, name := range []string{"main-exe.wasm", "main-pie.wasm"} {
		file, ok := files[name]
		if !ok {
			b.Fatalf("no fixture %q", name)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(file)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wasm.Decode(file); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkRewrite(b *testing.B) {
	for name, opt := range map[string]wasm.RewriteOptions{
		"data": {EmptyData: true},
		"all":  {ExportStart: "start", EmptyData: true},
	} {
		file := program(b, true)
		m := decode(b, file)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := wasm.Rewrite(file, m, opt); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkBuilder builds the import shim of a library with a hundred functions.
func BenchmarkBuilder(b *testing.B) {
	b.Run("import shim", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var m wasm.Builder
			t := m.Type(twoI32, i32)
			indices := make([]uint32, 100)
			for i := range indices {
				indices[i] = m.ImportFunc("lib", string(rune('a'+i)), t)
				m.ExportFunc(string(rune('a'+i)), indices[i])
			}
			m.PassiveFuncs(indices...)
			if _, err := m.Bytes(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
