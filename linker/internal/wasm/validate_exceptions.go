package wasm

import "slices"

func (v *validator) tryTable(at int) {
	params, results := v.blockType()
	v.wantAll(at, params)
	for n := v.r.Count(2, "catches"); n > 0 && !v.r.Failed(); n-- {
		v.m.work++
		v.m.Handlers = true
		kindAt := v.r.Offset()
		kind := v.r.Byte("catch")
		var given []ValType
		switch kind {
		case catchTag, catchTagRef:
			tag, _ := v.m.TagType(v.index("tag", v.m.Count(KindTag)))
			given = tag.Params
		case catchAll, catchAllRef:
		default:
			v.r.Fail(kindAt, nil, "catch of kind %#x is unknown", kind)
			return
		}
		labelAt := v.r.Offset()
		f := v.label(labelAt, v.r.U32("label"))
		if f == nil {
			return
		}
		v.cost.fork()
		v.branch(f)
		list := f.labels()
		if kind == catchTagRef || kind == catchAllRef {
			if len(list) == 0 || list[len(list)-1] != ExnRef {
				v.r.Fail(labelAt, nil, "label takes no exception")
				return
			}
			list = list[:len(list)-1]
		}
		if !slices.Equal(given, list) {
			v.r.Fail(labelAt, nil, "label takes other values than the catch gives")
		}
	}
	v.pushFrame(opTryTable, params, results)
}

// catch ends a try, or the catch before, of the older exception handling.
func (v *validator) catch(at int, op byte) {
	if f := &v.frames[len(v.frames)-1]; f.op != opTry && f.op != opCatch {
		v.r.Fail(at, nil, "catch without try")
		return
	}
	var given []ValType
	if op == opCatch {
		tag, _ := v.m.TagType(v.index("tag", v.m.Count(KindTag)))
		given = tag.Params
	}
	f := v.popFrame(at)
	v.reopen(op, f)
	v.pushAll(given)
}

// delegate ends a try that has no catch.
func (v *validator) delegate(at int) {
	if v.frames[len(v.frames)-1].op != opTry {
		v.r.Fail(at, nil, "delegate without try")
		return
	}
	f := v.popFrame(at)
	labelAt := v.r.Offset()
	v.label(labelAt, v.r.U32("label"))
	v.cost.close(&f, v.variables())
	v.pushAll(f.results)
}
