package small

import "fmt"

// Greet has a parameter, a string with an umlaut, and a call: grüße.
func Greet(name string) {
	fmt.Println("grüße", name)
}
