package wasm

import (
	"slices"

	"github.com/lockstep-wasm/lockstep/linker/internal/leb"
)

// caught is the type of the block to which a catch leads: the values of the tag, with the
// exception if that is rethrown.
func (o *olderBody) caught(t *olderTry, c olderCatch) []byte {
	var results []ValType
	if !c.all {
		tag, _ := o.x.m.TagType(c.tag)
		results = slices.Clone(tag.Params)
	}
	if t.rethrown {
		results = append(results, ExnRef)
	}
	switch len(results) {
	case 0:
		return []byte{0x40}
	case 1:
		return []byte{byte(results[0])}
	}
	want := FuncType{Results: results}
	k := slices.IndexFunc(o.x.types, want.Equal)
	if k < 0 {
		k = len(o.x.types)
		o.x.types = append(o.x.types, want)
	}
	return leb.AppendS64(nil, int64(k))
}

// land ends the block inside a try, or the function, to which delegates lead: what falls out of it
// goes to a label, what is delegated is thrown there.
func (o *olderBody) land(label uint32) {
	o.out = leb.AppendU32(append(o.out, opBr), o.depth-1-label)
	o.end()
	o.out = append(o.out, opThrowRef)
}

// leaveBody ends the body of a try, up to its try_table.
func (o *olderBody) leaveBody(f *olderFrame, t *olderTry) {
	if t.landing {
		o.land(f.label)
	}
	if len(t.catches) > 0 || t.delegates && !t.plain {
		o.end()
		o.out = leb.AppendU32(append(o.out, opBr), o.depth-1-f.label)
	}
}

func (o *olderBody) catch() {
	f := o.top()
	t := &o.tries[f.try]
	if f.clause == 0 {
		o.leaveBody(f, t)
	} else {
		o.out = leb.AppendU32(append(o.out, opBr), o.depth-1-f.label)
	}
	f.clause++
	o.end() // of the block that the catch leads to
	if t.rethrown {
		o.out = leb.AppendU32(append(o.out, 0x21 /* local.set */), t.local)
	}
}

// closeDelegate ends a try that delegates.
func (o *olderBody) closeDelegate() {
	f := *o.top()
	t := &o.tries[f.try]
	o.leaveBody(&f, t)
	if !t.plain {
		o.end() // of the block with the exception
		o.frames = o.frames[:len(o.frames)-1]
		o.out = leb.AppendU32(append(o.out, opBr), o.depth-1-o.landingOf(t.throughs))
		o.frames = append(o.frames, f)
	}
	o.end()
	o.frames = o.frames[:len(o.frames)-1]
}

// landingOf is the label of the block to which delegates to a try, or to the function, lead.
func (o *olderBody) landingOf(try int) uint32 {
	if try < 0 {
		return 1
	}
	for _, f := range o.frames {
		if f.try != try {
			continue
		}
		t := &o.tries[try]
		label := f.label + 1 // behind the block around all
		if n := uint32(len(t.catches)); n > 0 {
			label += n + 1
		} else if t.delegates && !t.plain {
			label += 2
		}
		return label
	}
	return 0
}

// close ends a block, a try, or the function.
func (o *olderBody) close() {
	f := *o.top()
	o.frames = o.frames[:len(o.frames)-1]
	if len(o.frames) == 0 && o.landing {
		o.land(0)
	}
	if f.try >= 0 && f.clause == 0 {
		o.leaveBody(&f, &o.tries[f.try])
	}
	o.end()
}
