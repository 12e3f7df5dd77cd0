//go:build unix

package libraries_test

import (
	"math"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/tetratelabs/wazero"

	"github.com/lockstep-wasm/lockstep/libraries"
	"github.com/lockstep-wasm/lockstep/linker"
)

// processorTime is what the process has used of the processor. Other processes do not change it
// much, as they do the clock's.
func processorTime(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkLoopSafepoints measures what it costs that guests can be stopped: not at all, by the
// linker, and by wazero. The three take turns, and what it reports is the least processor time that
// each has needed, in milliseconds: run it with GOMAXPROCS=1.
func BenchmarkLoopSafepoints(b *testing.B) {
	ways := []struct {
		name    string
		runtime wazero.RuntimeConfig
		on      bool
	}{
		{"off-ms", linker.NewRuntimeConfig(), false},
		{"on-ms", linker.NewRuntimeConfig(), true},
		{"wazero-ms", linker.NewRuntimeConfig().WithCloseOnContextDone(true), false},
	}
	for _, subject := range []struct {
		name, library string
		prepare       func(p *program) (run func())
	}{
		{"compress", libraries.Zlib, func(p *program) func() {
			text := strings.Repeat("Every thread sees the same code at the same place.\n", 4000)
			size := p.call("compressBound", uint64(len(text)))
			in, out, length := p.put(text), p.put(strings.Repeat(" ", int(size))), p.put("1234")
			return func() { p.compressInto(in, uint64(len(text)), out, size, length) }
		}},
		{"lua", libraries.Lua, func(p *program) func() {
			state := uint64(p.call("luaL_newstate"))
			return func() { p.lua(state, fibonacci) }
		}},
	} {
		b.Run(subject.name, func(b *testing.B) {
			var runs []func()
			least := []time.Duration{math.MaxInt64, math.MaxInt64, math.MaxInt64}
			for _, way := range ways {
				runs = append(runs,
					subject.prepare(startWith(b, libraries.MainLibc, subject.library, way.runtime,
						way.on)))
			}
			const times = 3 // a clock that ticks slowly
			for b.Loop() {
				for k, run := range runs {
					begin := processorTime(b)
					for range times {
						run()
					}
					least[k] = min(least[k], (processorTime(b)-begin)/times)
				}
			}
			for k, way := range ways {
				b.ReportMetric(least[k].Seconds()*1000, way.name)
			}
		})
	}
}
