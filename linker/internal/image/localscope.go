package image

// LocalScope lists where module m looks behind the global scope: in the load groups that it belongs
// to. A load group is a module with all that it needs, breadth first. m belongs to its own group
// and to that of every module that needs it, directly or not; they are searched in the order in
// which their first modules were loaded. So what was opened with m comes first, its root at the
// head, and what was opened later and needs m comes behind.
//
// The list has every module once, m among them, and takes time in proportion to the modules and
// what they need.
func (s *Snapshot) LocalScope(m *Module) []*Module {
	needers := map[*Module][]*Module{}
	for _, x := range s.Search {
		if s.Hides(x) && !s.Hides(m) {
			continue
		}
		for _, n := range x.Needed {
			needers[n] = append(needers[n], x)
		}
	}
	live := Set(s.Search)
	group := map[*Module]bool{m: true}
	for queue := []*Module{m}; len(queue) > 0; queue = queue[1:] {
		for _, x := range needers[queue[0]] {
			if !group[x] {
				group[x] = true
				queue = append(queue, x)
			}
		}
	}
	var list []*Module
	seen := map[*Module]bool{}
	add := func(x *Module) {
		if !seen[x] {
			seen[x] = true
			list = append(list, x)
		}
	}
	for _, root := range s.Search {
		if !group[root] || seen[root] {
			continue
		}
		// Whatever was seen has brought all that it needs, so the walk need not enter it.
		first := len(list)
		add(root)
		for i := first; i < len(list); i++ {
			for _, n := range list[i].Needed {
				if live[n] || !list[i].Joins { // what OpenAll has joined is unloaded one by one
					add(n)
				}
			}
		}
	}
	return list
}
