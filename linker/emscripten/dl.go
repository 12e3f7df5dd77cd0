package emscripten

import (
	"strings"

	"github.com/lockstep-wasm/lockstep/linker"
)

// Fields of the struct dso that the program's dlopen makes.
//
// Source: Emscripten's system/lib/libc/dynlink.c.
const (
	dsoFlags   = 4
	dsoName    = 36
	rtldNow    = 2
	rtldGlobal = 256
)

// dlFunctions are what the program's own dlopen and dlsym call.
var dlFunctions = map[string]function{
	"_dlopen_js": plain("i", func(c *call) uint64 {
		handle := c.u32(0)
		flags, name := c.mem.u32(handle+dsoFlags), c.mem.text(handle+dsoName)
		options := []linker.OpenOption{linker.Local}
		if flags&rtldGlobal != 0 {
			options[0] = linker.Global
		}
		if flags&rtldNow != 0 {
			// Emscripten binds functions when they are called, whatever the flags are
			options = append(options, linker.Lazy)
		}
		lib, err := c.g.Open(c.ctx, strings.TrimPrefix(c.p.libraryPath(name), "/"), options...)
		if err != nil {
			c.dlerror(err)
			return 0
		}
		c.p.mu.Lock()
		c.p.handles[handle] = lib
		c.p.mu.Unlock()
		return 1
	}),
	"_dlsym_js": plain("iii|ii", func(c *call) uint64 {
		lib := linker.Default
		if handle := c.u32(0); handle != 0 {
			c.p.mu.Lock()
			lib = c.p.handles[handle]
			c.p.mu.Unlock()
		}
		if lib == nil { // the main program
			lib = linker.Default
		}
		symbol, err := c.g.Symbol(c.ctx, lib, c.mem.text(c.u32(1)))
		if err != nil {
			c.dlerror(err)
			return 0
		}
		return uint64(symbol.Pointer)
	}),
}

// libraryPath finds the path of a library that the program asks for.
func (p *Program) libraryPath(name string) string {
	if p.config.library != nil {
		return p.abs(p.config.library(name))
	}
	if strings.Contains(name, "/") {
		return p.abs(name)
	}
	for _, dir := range []string{"/usr/lib/", "/lib/"} {
		if i, err := p.fs.Stat(dir+name, true); err == nil && i.Mode.IsRegular() {
			return dir + name
		}
	}
	return p.abs(name)
}

// dlerror keeps an error for the program's dlerror.
func (c *call) dlerror(err error) {
	format, text := "%s\x00", err.Error()+"\x00"
	at := uint32(c.guest("malloc", uint64(4+len(format)+len(text))))
	if at == 0 {
		return
	}
	c.mem.put32(at, at+4+uint32(len(format)))
	c.mem.put(at+4, []byte(format+text))
	c.oneOf([]string{"__dl_seterr"}, uint64(at+4), uint64(at))
	c.oneOf([]string{"free"}, uint64(at))
}
