package main

import (
	"os"
	"strings"
	"testing"
)

// The code in README.md is the code of this program.
func TestREADME(t *testing.T) {
	self, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, code, _ := strings.Cut(string(self), "func main() {")
	code, _, _ = strings.Cut(code, "func check(")
	if !strings.Contains(string(readme), "func main() {"+strings.TrimRight(code, "\n")) {
		t.Error("README.md has other code than this file")
	}
}
