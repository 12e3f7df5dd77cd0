package adversary_test

import (
	"fmt"
	"strings"

	"pgregory.net/rapid"
)

// program is what the goroutines of one run do. It is plain data, drawn from a seed.
type program struct {
	seed       int
	images     int // linkers that there are all the time, in one runtime
	tasks      [][]act
	scripts    [scripts][]act // what host functions do, by the number that the guest gives them
	quarantine uint32         // see linker.Config.WithPointerQuarantine
	polls      bool           // modules have loop safepoints
	polling    bool           // goroutines wait by coord.Polling
	logs       bool           // what the linkers log happens, too: see bell
}

// scripts is how many scripts host functions have. The first ones are those of constructors, then
// come those of destructors; all of them can be run by a call.
const (
	scripts            = 12
	constructorScripts = 6
	destructorScripts  = 2
)

// act is one thing that a task does. Numbers are taken modulo what there is.
type act struct {
	kind                kind
	image, group, other int
	name, handle, value int
	fuse                fuse
}

// kind is what an act does.
type kind uint8

const (
	opens kind = iota
	opensBytes
	closesLibrary
	looksUp
	looksNext
	calls
	callsHost
	callsPointer
	sharesClosure
	setsClosure
	callsClosure
	freesClosure
	spawns
	closesGroup
	inspects
	guestLooksUp
	guestAllocates
	startsThreads
	waitsForThreads
	opensForeign
	asksOutside // Safepoint and Block without a stay
	opensAll
	prepares // Func
	callsPrepared
	makesCallback
	callsCallback
	freesCallback
	asks // what is asked of libraries, groups and memory without a lock
	// The acts below end something for all tasks.
	exits
	runs // the main module, as a command
	closesLinker
	makesLinker
	usesKept // a context that a host function has kept
	// What follows is done by host functions only.
	blocks
	safepoints
	panics
	traps
	keepsContext
	sharesContext
	leavesBehind
	closesFromWithin
	kinds
)

var kindNames = [kinds]string{
	"open", "open bytes", "close library", "symbol", "next symbol", "call", "call host",
	"call pointer", "allocate closure", "set closure", "call closure", "free closure", "spawn",
	"close group", "inspect", "guest's dlsym", "guest's malloc", "start threads",
	"wait for threads",
	"foreign library", "outside", "open all", "prepare", "call prepared", "new callback",
	"call callback", "free callback", "ask", "exit", "run", "close linker", "new linker",
	"use kept context",
	"block", "safepoint", "panic", "trap", "keep context", "share context",
	"leave behind", "close from within",
}

func (k kind) String() string { return kindNames[k] }

// weights are how often acts are drawn: by tasks, and by scripts.
var weights = [kinds][2]int{
	opens: {12, 4}, opensBytes: {3, 2}, closesLibrary: {12, 3}, looksUp: {12, 5}, looksNext: {2, 1},
	calls: {10, 4}, callsHost: {10, 2}, callsPointer: {5, 2}, sharesClosure: {3, 2},
	setsClosure: {4, 2}, callsClosure: {4, 1}, freesClosure: {3, 1}, spawns: {4, 1},
	closesGroup: {
		4,
		1,
	}, inspects: {6, 3}, guestLooksUp: {4, 1}, guestAllocates: {4, 1}, startsThreads: {2, 0},
	waitsForThreads: {1, 0}, opensForeign: {1, 1}, asksOutside: {1, 0}, exits: {1, 1},
	opensAll: {3, 1}, prepares: {3, 1}, callsPrepared: {6, 2}, makesCallback: {3, 2},
	callsCallback: {4, 2}, freesCallback: {2, 1}, asks: {3, 1}, runs: {1, 1},
	closesLinker: {1, 0}, makesLinker: {1, 0}, usesKept: {4, 0}, blocks: {0, 4},
	safepoints: {0, 2}, panics: {0, 1}, traps: {1, 1}, keepsContext: {0, 3},
	sharesContext: {0, 2}, leavesBehind: {0, 2}, closesFromWithin: {0, 2},
}

// drawing are the acts to draw from, each as often as its weight says.
type drawing [2][]kind

// newDrawing lists the acts as often as their weights say.
func newDrawing() (d drawing) {
	for who := range d {
		for k := range kinds {
			for range weights[k][who] {
				d[who] = append(d[who], k)
			}
		}
	}
	return d
}

// draw makes the program of a seed.
func draw(seed int) *program {
	d := newDrawing()
	p := rapid.Custom(func(t *rapid.T) *program { return d.program(t) }).Example(seed)
	p.seed = seed
	return p
}

func (d drawing) program(t *rapid.T) *program {
	p := &program{
		images:     rapid.IntRange(1, 2).Draw(t, "images"),
		quarantine: rapid.SampledFrom([]uint32{forever, forever, 16, 0}).Draw(t, "quarantine"),
		polls:      rapid.IntRange(0, 3).Draw(t, "polls") == 0,
		polling:    rapid.IntRange(0, 7).Draw(t, "polling") == 0,
		logs:       rapid.Bool().Draw(t, "logs"),
	}
	for i := range p.scripts {
		p.scripts[i] = d.acts(t, 1, 0, 3)
	}
	for range rapid.IntRange(4, 10).Draw(t, "tasks") {
		p.tasks = append(p.tasks, d.acts(t, 0, 30, 60))
	}
	return p
}

// acts draws what a task (who is 0) or a script (1) does.
func (d drawing) acts(t *rapid.T, who, least, most int) []act {
	small := rapid.IntRange(0, 11)
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) act {
		return act{
			kind: d[who][rapid.IntRange(0, len(d[who])-1).Draw(t, "kind")],
			image: small.Draw(
				t,
				"image",
			), group: small.Draw(t, "group"), other: small.Draw(t, "other"),
			name: small.Draw(
				t,
				"name",
			), handle: small.Draw(t, "handle"), value: small.Draw(t, "value"),
			fuse: drawFuse(t),
		}
	}), least, most).Draw(t, "acts")
}

func (a act) String() string {
	return fmt.Sprintf("%v image %d group %d other %d name %d handle %d value %d %v",
		a.kind, a.image, a.group, a.other, a.name, a.handle, a.value, a.fuse)
}

func (p *program) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d: %d images, quarantine %d, loop safepoints %v, polling %v, logs %v\n",
		p.seed, p.images, p.quarantine, p.polls, p.polling, p.logs)
	for i, s := range p.scripts {
		fmt.Fprintf(&b, "script %d: %v\n", i, s)
	}
	for i, acts := range p.tasks {
		fmt.Fprintf(&b, "task %d: %v\n", i, acts)
	}
	return b.String()
}
