package image

// SearchOrder is where one module looks for symbols: in the global scope without the host, in its
// own local scope, in the host. It is the one place that says so, for what is bound while loading
// and for what is looked up later.
//
// Its methods belong to one goroutine: the local scope is listed when something is first looked for
// there, and kept.
type SearchOrder struct {
	snapshot *Snapshot
	module   *Module
	local    []*Module // nil until it is asked for
}

// OrderOf returns the order of module m.
func (s *Snapshot) OrderOf(m *Module) SearchOrder { return SearchOrder{snapshot: s, module: m} }

// Lookup finds a symbol.
func (o *SearchOrder) Lookup(name string) *Export {
	if x := o.snapshot.Global.Lookup(name); x != nil {
		return x
	}
	if o.local == nil {
		o.local = o.snapshot.LocalScope(o.module)
	}
	if x := First(o.local, name); x != nil {
		return x
	}
	return o.snapshot.LookupHost(name)
}

// LookupFor finds what the module means by a name: as Lookup, without what belongs to a toolchain's
// machinery.
func (o *SearchOrder) LookupFor(name string) *Export {
	if IsToolchain(name) {
		return nil
	}
	return o.Lookup(name)
}
