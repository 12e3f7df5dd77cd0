package playground

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"text/template"

	"github.com/lockstep-wasm/lockstep/linker/protocol"
	"github.com/lockstep-wasm/lockstep/timeline"
)

//go:embed page.html
var pageText string

//go:embed page.js
var pageScript string

// Facts are what a page knows besides the protocol.
type Facts struct {
	Guards     []Guard             `json:"guards"`
	Mistakes   []Mistake           `json:"mistakes"`
	Properties map[string]Property `json:"properties"`
	Features   []string            `json:"features"` // in the order of their bits
	MaxSteps   int                 `json:"maxSteps"`
	Classes    []Class             `json:"classes"`
}

// Guard is a guard that can be switched off.
type Guard struct {
	Name  string `json:"name"`
	Shows string `json:"shows"` // what it is to have it off
}

// Mistake is a behaviour that can be loaded.
type Mistake struct {
	Name     string `json:"name"`
	Shows    string `json:"shows"`
	Property string `json:"property"`
	// what is wrong at its end, where no state and no step is
	Ending string          `json:"ending,omitempty"`
	Config protocol.Config `json:"config"`
	Steps  []string        `json:"steps"`
}

// Property is a property in words.
type Property struct {
	Number   string `json:"number"`
	Sentence string `json:"sentence"`
}

// Class is a kind of span of a timeline.
type Class struct {
	Name  string `json:"name"`
	Means string `json:"means"`
}

// WritePage writes the page, which needs nothing else: program is playground/wasm, compiled for
// js/wasm, and exec is the file wasm_exec.js of the same Go.
func WritePage(w io.Writer, facts Facts, program, exec []byte) error {
	facts.MaxSteps = maxSteps
	for _, c := range timeline.Classes() {
		facts.Classes = append(facts.Classes, Class{c.Name, c.Means})
	}
	known, err := json.Marshal(facts) // it escapes what could end the element
	if err != nil {
		return fmt.Errorf("playground: %w", err)
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err != nil {
		return fmt.Errorf("playground: %w", err)
	}
	if _, err := z.Write(program); err != nil {
		return fmt.Errorf("playground: %w", err)
	}
	if err := z.Close(); err != nil {
		return fmt.Errorf("playground: %w", err)
	}
	page, err := template.New("page").Parse(pageText)
	if err != nil {
		return fmt.Errorf("playground: %w", err)
	}
	err = page.Execute(w, map[string]string{
		"Style": timeline.Style(), "Script": timeline.Script(), "Page": pageScript,
		"Exec":  string(exec),
		"Facts": string(known), "Program": base64.StdEncoding.EncodeToString(packed.Bytes()),
	})
	if err != nil {
		return fmt.Errorf("playground: %w", err)
	}
	return nil
}
