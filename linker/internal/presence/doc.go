// Package presence says which goroutine is inside an instance group, and which contexts are good
// there: activations, how they nest, and the one that the next call uses again.
//
// It may use a group as a [Thread] only, and knows nothing of images, operations and the engine. An
// [Activation] belongs to its goroutine; what other goroutines ask of it is atomic, and a [Spare]
// belongs to the goroutine that holds the group. There is no lock. The compare-and-swap by which a
// call mostly goes in and out is the linker's, for an interface would double what it costs.
package presence
