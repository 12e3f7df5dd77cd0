package linker

import (
	"sync"

	"github.com/tetratelabs/wazero/api"
)

// namespaces maps import namespaces to instances.
type namespaces struct {
	mu sync.RWMutex
	m  map[string]api.Module
}

func (n *namespaces) get(name string) api.Module {
	n.mu.RLock()
	defer n.mu.RUnlock()
	if m, ok := n.m[name]; ok {
		return m
	}
	return nil
}

func (n *namespaces) set(name string, m api.Module) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.m == nil {
		n.m = map[string]api.Module{}
	}
	n.m[name] = m
}
