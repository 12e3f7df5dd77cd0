//go:build js && wasm

// Command wasm gives a [playground.Session] to the page that it is a part of: functions of the
// object "lockstep", which take and return JSON. Each returns the view of the session, or {"error":
// …} and changes nothing.
package main

import (
	"encoding/json"
	"syscall/js"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/playground"
)

func main() {
	session, err := playground.New(playground.Settings{Groups: 3, Initial: 2, MaxLog: 2})
	if err != nil {
		panic(err)
	}
	answer := func(err error, whole bool) any {
		switch {
		case err != nil:
			return encode(map[string]string{"error": err.Error()})
		case whole:
			return encode(session.Whole())
		}
		return encode(session.View())
	}
	functions := map[string]func(text string) error{
		"view": func(string) error { return nil },
		"new": func(text string) error {
			var settings playground.Settings
			if err := json.Unmarshal([]byte(text), &settings); err != nil {
				return err
			}
			next, err := playground.New(settings)
			if err == nil {
				session = next
			}
			return err
		},
		"perform": func(text string) error { return session.Perform(text) },
		"off": func(text string) error {
			var names []string
			if err := json.Unmarshal([]byte(text), &names); err != nil {
				return err
			}
			return session.SwitchOff(names)
		},
		"go": func(text string) error {
			var n int
			if err := json.Unmarshal([]byte(text), &n); err != nil {
				return err
			}
			session.Go(n)
			return nil
		},
		"load": func(text string) error {
			var behaviour struct {
				Config protocol.Config
				Steps  []string
			}
			if err := json.Unmarshal([]byte(text), &behaviour); err != nil {
				return err
			}
			return session.Load(behaviour.Config, behaviour.Steps)
		},
	}
	object := map[string]any{}
	for name, f := range functions {
		object[name] = js.FuncOf(func(_ js.Value, args []js.Value) any {
			text := ""
			if len(args) > 0 {
				text = args[0].String()
			}
			return answer(f(text), name != "go")
		})
	}
	js.Global().Set("lockstep", object)
	js.Global().Call("lockstepReady")
	select {} // the functions are called for as long as the page is there
}

func encode(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return `{"error":"the state cannot be written"}`
	}
	return string(text)
}
