package main

import "slices"

// rows are the rows of the table, in its order.
func rows() []row {
	var all []row
	for _, part := range [][]row{callRows(), coreRows(), guestRows(), linkRows(), stateRows()} {
		all = append(all, part...)
	}
	return all
}

// peerRows are rows whose peers are other programs, which may not be there.
func peerRows() []row {
	return slices.Concat(glibcRows(), grammarRows(), checkingRows())
}

// figures are the figures of the table, in its order.
func figures() []figure {
	return slices.Concat(costFigures(), memoryFigures(), otherFigures())
}
