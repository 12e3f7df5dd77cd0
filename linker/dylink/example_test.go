package dylink_test

import (
	"errors"
	"fmt"

	"github.com/lockstep-wasm/lockstep/linker/dylink"
)

func Example() {
	library := &dylink.Info{MemorySize: 4096, MemoryAlignment: 4, TableSize: 2,
		Needed: []string{"libm.so"}}
	file := library.Append([]byte("\x00asm\x01\x00\x00\x00"))

	info, err := dylink.Read(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(info.MemorySize, 1<<info.MemoryAlignment, info.Needed)

	_, err = dylink.Read([]byte("\x00asm\x01\x00\x00\x00"))
	fmt.Println(errors.Is(err, dylink.ErrNotLibrary), err)
	_, err = dylink.Read(file[:20])
	fmt.Println(err)
	// Output:
	// 4096 16 [libm.so]
	// true dylink: not a shared library: it has no dylink.0 (or dylink) section, which wasm-ld writes with -shared
	// dylink: offset 0xa: section: unexpected end: 27 bytes wanted, 10 left
}

func ExampleFlags() {
	fmt.Println(dylink.BindingWeak|dylink.TLS, dylink.Flags(0))
	// Output: BINDING_WEAK|TLS 0
}
