package emscripten

import (
	"strings"
	"time"

	"github.com/tetratelabs/wazero/api"

	"github.com/lockstep-wasm/lockstep/linker/emscripten/vfs"
)

// putTime writes the fields of a struct tm.
func (c *call) putTime(at uint32, t time.Time, zone bool) {
	fields := []int{t.Second(), t.Minute(), t.Hour(), t.Day(), int(t.Month()) - 1, t.Year() - 1900,
		int(t.Weekday()), t.YearDay() - 1}
	for i, v := range fields {
		c.mem.put32(at+4*uint32(i), uint32(int32(v)))
	}
	dst, offset := uint32(0), 0
	if zone {
		if t.IsDST() {
			dst = 1
		}
		_, offset = t.Zone()
	}
	c.mem.put32(at+32, dst)
	c.mem.put32(at+36, uint32(int32(offset)))
}

// getTime reads the first fields of a struct tm, which may be out of their ranges.
func (c *call) getTime(at uint32, l *time.Location) time.Time {
	v := make([]int, 6)
	for i := range v {
		v[i] = int(int32(c.mem.u32(at + 4*uint32(i))))
	}
	return time.Date(v[5]+1900, time.Month(v[4]+1), v[3], v[2], v[1], v[0], 0, l)
}

func breakDown(local bool) func(c *call) (int, error) {
	return func(c *call) (int, error) {
		l := time.UTC
		if local {
			l = c.p.config.location
		}
		if s := c.i64(0); s > 1<<55 || s < -1<<55 {
			return 0, vfs.EINVAL
		}
		c.putTime(c.u32(1), time.Unix(c.i64(0), 0).In(l), local)
		return 0, nil
	}
}

func putTogether(local bool) func(c *call) uint64 {
	return func(c *call) uint64 {
		l := time.UTC
		if local {
			l = c.p.config.location
		}
		t := c.getTime(c.u32(0), l)
		c.putTime(c.u32(0), t, local)
		return uint64(t.Unix())
	}
}

// zone is tzset: seconds west of Greenwich, whether there is summer time, and the zones' names.
func zone(c *call) uint64 {
	year := c.p.config.now().Year()
	winter := time.Date(year, 1, 1, 0, 0, 0, 0, c.p.config.location)
	summer := time.Date(year, 7, 1, 0, 0, 0, 0, c.p.config.location)
	if winter.IsDST() {
		winter, summer = summer, winter
	}
	_, offset := winter.Zone()
	_, other := summer.Zone()
	c.mem.put32(c.u32(0), uint32(int32(-offset)))
	c.mem.put32(c.u32(1), 0)
	if offset != other {
		c.mem.put32(c.u32(1), 1)
	}
	const room = 17 // with the zero
	for i, t := range []time.Time{winter, summer} {
		if 2+i >= len(c.a) {
			break
		}
		name, _ := t.Zone()
		if len(name) >= room {
			name = name[:room-1]
		}
		c.mem.put(c.u32(2+i), append([]byte(strings.ReplaceAll(name, "\x00", "")), 0))
	}
	return 0
}

var timeFunctions = map[string]function{
	"emscripten_date_now": {"", func(c *call) uint64 {
		return api.EncodeF64(float64(c.p.config.now().UnixMicro()) / 1e3)
	}},
	"emscripten_get_now": {"", func(c *call) uint64 {
		return api.EncodeF64(float64(c.p.config.now().Sub(c.p.began).Nanoseconds()) / 1e6)
	}},
	"emscripten_get_now_res":           constant("", api.EncodeF64(1000)),
	"_emscripten_get_now_is_monotonic": constant("", 1),
	"_tzset_js":                        plain("iiii", zone),
	"_localtime_js":                    system("ji", breakDown(true)),
	"_gmtime_js":                       system("ji", breakDown(false)),
	"_mktime_js":                       plain("i", putTogether(true)),
	"_timegm_js":                       plain("i", putTogether(false)),
	"emscripten_sleep": {"i",
		func(c *call) uint64 { return c.sleep(time.Duration(c.u32(0)) * time.Millisecond) }},
	"emscripten_thread_sleep": {"d", func(c *call) uint64 {
		return c.sleep(time.Duration(min(max(api.DecodeF64(c.a[0]), 0),
			1e12) * float64(time.Millisecond)))
	}},
}

// sleep waits, and ends with the context.
func (c *call) sleep(d time.Duration) uint64 {
	blocked := c.g.Block(c.ctx, func() {
		t := time.NewTimer(d)
		defer t.Stop()
		select {
		case <-t.C:
		case <-c.ctx.Done():
		}
	})
	if blocked == nil {
		blocked = c.ctx.Err()
	}
	if blocked != nil {
		panic(blocked)
	}
	return 0
}
