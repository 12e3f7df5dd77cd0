// Package fdlock guards what a system interface has for all groups: the table of open files, what
// an open file consists of, and the standard streams, which may make a group wait without end.
//
// It is for calling WASI's functions, which wazero does not guard, from several groups at once. It
// knows the functions by their names and signatures, and may use nothing of the linker or the
// engine. [Locks] has no data but locks. They are taken in the order table, inputs, outputs; a
// group is parked before it waits for one.
package fdlock
