package wasm

// HookPolls makes a module count, and changes nothing else.
func HookPolls(b []byte, count Import, export string) ([]byte, bool, error) {
	polls := Safepoints{Module: count.Module, Name: count.Name, Export: export}
	r, err := decodeAndRewrite(b, RewriteOptions{Safepoints: &polls})
	if err != nil {
		return nil, false, err
	}
	return r.Bytes, r.Safepoints, nil
}

// HookWaits lets the instructions of a module that wait call functions, and changes nothing else.
func HookWaits(b []byte, export string) ([]byte, bool, error) {
	r, err := decodeAndRewrite(b, RewriteOptions{Waits: export})
	if err != nil {
		return nil, false, err
	}
	return r.Bytes, r.Waits, nil
}

func decodeAndRewrite(b []byte, opt RewriteOptions) (*Rewritten, error) {
	m, err := Decode(b)
	if err != nil {
		return nil, err
	}
	return Rewrite(b, m, opt)
}

// Added returns how many functions polls add to a module.
func (m *Module) Added() int {
	_, memory := m.MemoryType(0)
	switch {
	case !m.code.bulk:
		return 1
	case !memory:
		return 2
	}
	return 4
}
