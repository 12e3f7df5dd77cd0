package protocol

// conjuncts evaluates the guard of an action: its conjuncts, positive and in the order of the
// specification. model.TestGuardsAreTheSpecifications compares their texts with tla/, for all
// actions.
type conjuncts struct{ refused Refusal }

// that takes a conjunct, with its text in the specification. The first one that does not hold
// refuses the action.
func (c *conjuncts) that(holds bool, text Refusal) {
	if !holds && c.refused == Done {
		c.refused = text
	}
}

// fail reports whether a conjunct did not hold.
func (c *conjuncts) fail() bool { return c.refused != Done }

// usable is Usable, the first conjunct of every action: once poisoned, nothing changes.
func (s *State) usable() bool { return !s.Poisoned || s.off(OffStickyPoison) }
