// Package every has a statement of every kind that is instrumented, and some that look like one.
package every

import (
	"context"
	"fmt"
	"runtime"
	"strings"
	gosync "sync"
	"sync/atomic"
	. "time"
)

type box[T any] struct {
	gosync.Mutex
	value T
	count int
	bits  [4]uint8
	next  *box[T]
	names map[string]int
	list  []int
	in    struct{ deep struct{ n int } }
}

var (
	global  int
	ready   = make(chan struct{}, 1)
	table   = map[string]func(int) int{"double": func(n int) int { return 2 * n }}
	_       = len(table)
	pending atomic.Int32
)

type named chan int

func (b *box[T]) set(v T) { b.value = v }
func (b box[T]) get() T   { return b.value }

func line() int {
	_, _, l, _ := runtime.Caller(1)
	return l
}

func two() (int, string) { return 2, "two" }

func apply[T any](f func(T), v T) { f(v) }

type err string

func (e err) Error() string { return string(e) }

// Statements runs them all and writes down what they do.
func Statements() (out []string, lines []int) {
	say := func(args ...any) { out = append(out, fmt.Sprint(args...)) }
	var wg gosync.WaitGroup

	// Channels.
	c := make(named, 2)
	c <- 1
	c <- len(c) + 1
	say(<-c, cap(c), len(c))
	v, ok := <-c
	say(v, ok)
	close(c)
	v, ok = <-c
	var w, still = <-c
	say(v, ok, w, still)
	for range c {
		say("never")
	}
	anys := make(chan any, 3)
	anys <- "text"
	anys <- nil
	anys <- err("e")
	close(anys)
loop:
	for x := range anys {
		switch x := x.(type) {
		case nil:
			continue loop
		case error:
			break loop
		default:
			say(x)
		}
	}
	lines = append(lines, line()) // line

	// Go statements.
	results := make(chan int)
	go func() { results <- 1 }()
	say(<-results)
	send := func(to chan<- int, n ...int) {
		for _, n := range n {
			to <- n
		}
	}
	go send(results, []int{2, 3}...)
	say(<-results, <-results)
	go send(
		results,
		4,
	)
	lines = append(lines, line()) // line
	say(<-results)
	b := &box[int]{value: 1, names: map[string]int{"a": 1}, list: []int{1, 2, 3}}
	b.next = &box[int]{value: 2}
	wg.Add(3)
	go wg.Done()
	go apply(func(n int64) { defer wg.Done(); b.Lock(); defer b.Unlock(); b.count += int(n) }, 7)
	go apply(func(e error) { wg.Done() }, error(nil))
	wg.Wait()
	say(b.count)
	go close(ready)
	<-ready

	// Select.
	first, second := make(chan string, 1), make(chan int, 1)
	select {
	case s := <-first:
		say("never", s)
	default:
		say("default")
	}
	first <- "first"
	select {
	case s, ok := <-first:
		say(s, ok)
	case n := <-second:
		say("never", n)
	}
	select {
	case second <- func() int {
		return 5
	}():
		lines = append(lines, line()) // line
	}
	lines = append(lines, line()) // line
	var got struct{ n int }
	for {
		select {
		case got.n = <-second:
			say(got.n)
			continue
		default:
		}
		break
	}
	say(choose(first))

	// Plain variables.
	b.value++
	b.value += b.next.value * 2
	b.list[1], b.list[2] = b.list[2], b.list[1]
	b.names["b"]++
	b.names["a"], b.count = 5, len(b.names)
	b.bits[2] |= 3
	b.in.deep.n = b.count << 1
	p := &b.in.deep.n
	*p -= 1
	(*p)++
	b.set(b.value + 1)
	say(b.get(), b.next.get(), b.list, b.names["b"], b.bits, b.in.deep.n, b.count)
	delete(b.names, "b")
	_, has := b.names["b"]
	global, has = 3, !has
	global = global*2 + table["double"](global)
	n, text := two()
	n, global = global, n
	say(n, text, global, has, b.bits[1:3], *b.next)
	for i := 0; i < 3; i++ {
		defer func() { global += i }()
	}
	for b.count = 0; b.count < 2; b.count++ {
	}
	for b.list[0] = range 2 {
	}
	if b.count = 9; b.count > 8 {
		say(b.count, b.list[0])
	}
	counter := 0
	add := func() int { counter++; return counter }
	add()
	say(add(), counter)
	var e error = err("typed")
	func() { e = err("other") }()
	var b2 strings.Builder
	b2.WriteString("built")
	say(e, b2.String(), struct{ X, Y int }{X: 1, Y: b.count})
	lines = append(lines, line()) // line

	// Time and contexts.
	ctx, cancel := context.WithTimeout(context.Background(), Millisecond)
	defer cancel()
	<-ctx.Done()
	say(ctx.Err(), Duration(3)*Second)
	Sleep(Microsecond)
	runtime.Gosched()
	pending.Add(2)
	say(pending.Load())
	return out, lines
}

// choose ends in a select without a default, which is a terminating statement.
func choose(c chan string) string {
	go func() {
		c <- "chosen"
	}()
	select {
	case s := <-c:
		return s
	}
}
