package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lockstep-wasm/lockstep/stock"
)

// Each program's script runs it in Node, and prints what the example prints; the examples' own
// tests show that.
func TestNode(t *testing.T) {
	if testing.Short() {
		t.Skip("it starts PostgreSQL, PHP and Python")
	}
	manifest, err := stock.Path("php-wasm/package.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range programs() {
		t.Run(p.name, func(t *testing.T) {
			if _, err := os.Stat(filepath.Join("..", p.name, "main.go")); err != nil {
				t.Error(err)
			}
			c, text, err := run(t.Context(), []string{"node", filepath.Join("node", p.script),
				filepath.Dir(filepath.Dir(manifest))}, p.start)
			if err != nil || strings.TrimSpace(text) != "42" {
				t.Errorf("%q, %v", text, err)
			}
			if c.processor <= 0 || c.passed <= 0 {
				t.Errorf("it took %v", c)
			}
		})
	}
}

func TestCost(t *testing.T) {
	a, b := cost{3 * time.Second, 5 * time.Second}, cost{time.Second, 2500 * time.Millisecond}
	if got := a.less(b); got != (cost{2 * time.Second, 2500 * time.Millisecond}) ||
		seconds(got.passed) != "2.5 s" {
		t.Errorf("%v, %s", got, seconds(got.passed))
	}
	var out bytes.Buffer
	if err := command(t.Context(), []string{"-nope"}, &out, &out); err == nil {
		t.Error("an unknown flag is no error")
	}
}
