module example.com/stranger

go 1.25.0

require github.com/lockstep-wasm/lockstep v0.0.0

require (
	github.com/anishathalye/porcupine v1.3.1 // indirect
	github.com/jedib0t/go-pretty/v6 v6.8.3 // indirect
	github.com/mattn/go-runewidth v0.0.16 // indirect
	github.com/rivo/uniseg v0.4.7 // indirect
	golang.org/x/sys v0.44.0 // indirect
	golang.org/x/text v0.22.0 // indirect
)

replace github.com/lockstep-wasm/lockstep => ../../../..
