package linked

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/tetratelabs/wazero"
	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker"
	"github.com/lockstep-wasm/lockstep/stock"
)

const workloads = "../../spec/workloads.md"

// filter is a filter of HDF5: its parameters for a chunk of so many bytes, as HDF5 would have them
// after asking the filter about a data set of 4-byte integers, or why it is not run.
type filter struct {
	parameters func(size uint32) []uint32
	not        string
}

func filters() map[string]filter {
	fixed := func(list ...uint32) filter {
		return filter{parameters: func(uint32) []uint32 { return list }}
	}
	sized := func(f func(size uint32) []uint32) filter { return filter{parameters: f} }
	return map[string]filter{
		"libH5Zzstd.so":  fixed(3),
		"libH5Zlz4.so":   fixed(),
		"libH5Zbz2.so":   fixed(9),
		"libH5Zbshuf.so": fixed(0, 4, 4, 0, 2),
		"libH5Zlzf.so":   sized(func(size uint32) []uint32 { return []uint32{4, 0x105, size} }),
		"libH5Zblosc.so": sized(func(size uint32) []uint32 { return []uint32{2, 2, 4, size, 5, 1, 0} }),
		"libH5Zblosc2.so": sized(func(size uint32) []uint32 {
			return []uint32{1, 5, 4, size, 5, 1, 0}
		}),
		"libH5Zbitgroom.so": {not: "it rounds numbers, which HDF5 describes to it"},
		"libH5Zbitround.so": {not: "it rounds numbers, which HDF5 describes to it"},
		"libH5Zjpeg.so":     {not: "it compresses pictures, and loses some of them"},
		"libH5Zzfp.so":      {not: "it compresses numbers, which HDF5 describes to it"},
	}
}

// Each filter of h5wasm-plugins that gives back what it is given compresses a chunk of numbers with
// the C library of HDF5's main module, as HDF5 calls it, and gives it back; HDF5 itself creates a
// file and opens it again. The table in spec/workloads.md says what came out.
func TestFilters(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes some seconds")
	}
	ctx := context.Background()
	rt := wazero.NewRuntimeWithConfig(ctx,
		wazero.NewRuntimeConfigInterpreter().WithCoreFeatures(linker.Features))
	defer rt.Close(ctx)
	l, err := hdf5(ctx, rt)
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close(ctx)
	hdf := &hdfImage{t: t, l: l}
	hdf.file()
	const size = 65536
	chunk := make([]byte, 0, size)
	for i := range uint32(size / 4) {
		chunk = binary.LittleEndian.AppendUint32(chunk, i*i/1000)
	}
	var rows []string
	all := filters()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		f := all[name]
		wasm, err := stock.Read("h5wasm-plugins/plugins/" + name)
		if err != nil {
			t.Fatal(err)
		}
		library, err := l.Main().OpenBytes(ctx, name, wasm, linker.Local)
		if err != nil {
			t.Fatal(err)
		}
		id, title := hdf.describe(library)
		verdict := f.not
		if verdict == "" {
			packed, err := hdf.roundTrip(library, chunk, f.parameters(size))
			if err != nil {
				t.Errorf("%s: %v", name, err)
				verdict = err.Error()
			} else {
				verdict = fmt.Sprintf("%d", packed)
			}
		}
		rows = append(rows, fmt.Sprintf("| `%s` | %d | %s | %s |", name, id, title, verdict))
		if err := l.Main().CloseLibrary(ctx, library); err != nil {
			t.Error(err)
		}
	}
	written(t, "filters", "| filter | number | name | bytes of 65536, or why it is not run |\n"+
		"| --- | --- | --- | --- |\n"+strings.Join(rows, "\n")+"\n")
}

// written compares a table with the page, or writes it there with -update.
func written(t *testing.T, name, table string) {
	t.Helper()
	text, err := os.ReadFile(workloads)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+" -->\n", "<!-- end -->"
	before, rest, ok := strings.Cut(string(text), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for %s", path.Base(workloads), name)
	}
	now := before + begin + table + end + after
	if *update && !t.Failed() {
		err = os.WriteFile(workloads, []byte(now), 0o644)
	} else if now != string(text) {
		t.Errorf("%s is not what came out: make side-modules", path.Base(workloads))
	}
	if err != nil {
		t.Error(err)
	}
}

// hdfImage is HDF5 with a plug-in.
type hdfImage struct {
	t *testing.T
	l *linker.Linker
}

func (h *hdfImage) call(in *linker.Library, name string, args ...uint64) uint64 {
	h.t.Helper()
	r, err := h.l.Main().Call(h.t.Context(), in, name, args...)
	if err != nil {
		h.t.Fatalf("%s: %v", name, err)
	}
	if len(r) == 0 {
		return 0
	}
	return r[0]
}

func (h *hdfImage) word(at uint32) uint32 {
	v, ok := h.l.Memory().ReadUint32Le(at)
	if !ok {
		h.t.Fatalf("%#x is outside of the memory", at)
	}
	return v
}

func (h *hdfImage) put(b []byte) uint32 {
	at := uint32(h.call(linker.Default, "malloc", uint64(len(b))))
	if !h.l.Memory().Write(at, b) {
		h.t.Fatal("no memory")
	}
	return at
}

// file has HDF5 create a file and open it again.
func (h *hdfImage) file() {
	name := uint64(h.put([]byte("/numbers.h5\x00")))
	const truncate, readOnly = 2, 0
	for _, f := range []int64{int64(h.call(linker.Default, "H5Fcreate", name, truncate, 0, 0)),
		int64(h.call(linker.Default, "H5Fopen", name, readOnly, 0))} {
		if f <= 0 {
			h.t.Fatalf("HDF5 returns %d", f)
		}
		if status := h.call(linker.Default, "H5Fclose", uint64(f)); int32(status) != 0 {
			h.t.Fatalf("H5Fclose: %d", int32(status))
		}
	}
}

// The fields of H5Z_class2_t, behind its version, and a flag of a filter's function.
const (
	classID, className, classFilter = 4, 16, 28
	reverse                         = 0x100
)

// describe returns the number of a filter, and its name.
func (h *hdfImage) describe(library *linker.Library) (id uint32, name string) {
	class := uint32(h.call(library, "H5PLget_plugin_info"))
	at := h.word(class + className)
	b, _ := h.l.Memory().Read(at, 80)
	text, _, _ := bytes.Cut(b, []byte{0})
	title, _, _ := strings.Cut(string(text), ";")
	return h.word(class + classID), strings.TrimSpace(strings.ReplaceAll(title, "|", "/"))
}

// roundTrip has a filter compress a chunk and give it back. It returns how small that was.
func (h *hdfImage) roundTrip(library *linker.Library, chunk []byte, parameters []uint32) (
	packed uint32, err error) {
	class := uint32(h.call(library, "H5PLget_plugin_info"))
	list := make([]byte, 0, 4*len(parameters)+4)
	for _, v := range parameters {
		list = binary.LittleEndian.AppendUint32(list, v)
	}
	values := h.put(append(list, 0, 0, 0, 0))
	// Where the length of the buffer is, and the buffer, which the filter replaces.
	buffer := h.put(binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil,
		uint32(len(chunk))), h.put(chunk)))
	i32 := slices.Repeat([]api.ValueType{api.ValueTypeI32}, 6)
	run := func(flags, n uint32) (uint32, error) {
		r, err := h.l.Main().CallPointer(h.t.Context(), h.word(class+classFilter), i32, i32[:1],
			uint64(flags), uint64(len(parameters)), uint64(values), uint64(n), uint64(buffer),
			uint64(buffer+4))
		if err != nil {
			return 0, err
		}
		return uint32(r[0]), nil
	}
	if packed, err = run(0, uint32(len(chunk))); err != nil || packed == 0 {
		return 0, errors.Join(err, fmt.Errorf("compressed to %d bytes", packed))
	}
	n, err := run(reverse, packed)
	if err != nil || n != uint32(len(chunk)) {
		return 0, errors.Join(err, fmt.Errorf("%d bytes are given back", n))
	}
	got, ok := h.l.Memory().Read(h.word(buffer+4), n)
	if !ok || !bytes.Equal(got, chunk) {
		return 0, errors.New("other bytes are given back")
	}
	return packed, nil
}
