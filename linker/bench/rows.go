package main

import "github.com/lockstep-wasm/lockstep/linker"

// rows are the rows of the table, in its order.
func rows() []row {
	var all []row
	for _, part := range [][]row{callRows(), coreRows(), guestRows(), linkRows(), stateRows()} {
		all = append(all, part...)
	}
	return all
}

func asItIs(c *linker.Config) *linker.Config { return c }

// peerRows are rows whose peers are other programs, which may not be there.
func peerRows() []row {
	return glibcRows()
}
