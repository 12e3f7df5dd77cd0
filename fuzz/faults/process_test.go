package faults

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// behaviourVariable makes this test program behave in a certain way, for a test that watches it.
const behaviourVariable = "FAULTS_TEST_BEHAVIOUR"

func TestMain(m *testing.M) {
	switch os.Getenv(behaviourVariable) {
	case "ends":
		return
	case "fails":
		os.Exit(1)
	case "waits": // with a timer, so that the runtime does not see the deadlock itself
		never := make(chan struct{})
		go func() { <-never }()
		select {
		case <-never:
		case <-time.After(time.Hour):
		}
	case "sleeps":
		time.Sleep(time.Hour)
	case "spins":
		for n := 0; ; n++ {
			_ = n
		}
	case "has another spin":
		cmd := exec.Command(os.Args[0])
		cmd.Env = append(os.Environ(), behaviourVariable+"=spins")
		os.Exit(min(1, len(fmt.Sprint(cmd.Run()))))
	default:
		os.Exit(m.Run())
	}
}

// A process that is stuck is told from one that is only slow.
func TestWatch(t *testing.T) {
	forever := time.Hour
	for _, c := range []struct {
		behaviour string
		p         patience
		stop      stop
		fails     bool
		hung      bool
	}{
		{"ends", patience{time.Second, forever, forever, forever}, stopNot, false, false},
		{"fails", patience{time.Second, forever, forever, forever}, stopNot, true, false},
		{"waits", patience{10 * time.Millisecond, time.Second, forever, forever}, stopQuiet, true,
			true},
		{"sleeps", patience{10 * time.Millisecond, time.Second, forever, forever}, stopQuiet, true,
			false},
		{"spins", patience{10 * time.Millisecond, forever, 200 * time.Millisecond, forever},
			stopBusy, true, true},
		{"spins", patience{10 * time.Millisecond, forever, forever, 200 * time.Millisecond},
			stopLate, true, false},
		{"has another spin", patience{10 * time.Millisecond, 30 * time.Second,
			200 * time.Millisecond, forever}, stopBusy, true, true},
	} {
		t.Run(c.behaviour, func(t *testing.T) {
			cmd := exec.Command(os.Args[0])
			cmd.Env = append(cmd.Environ(), behaviourVariable+"="+c.behaviour)
			e, err := watch(t.Context(), cmd, c.p)
			if err != nil {
				t.Fatal(err)
			}
			if e.stop != c.stop || (e.err != nil) != c.fails || e.hung() != c.hung {
				t.Errorf("stopped %d, %v, hung %v; want %d, failing %v, hung %v\n%s", e.stop, e.err,
					e.hung(), c.stop, c.fails, c.hung, e.output)
			}
		})
	}
}

func TestWatchEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(cmd.Environ(), behaviourVariable+"=waits")
	if _, err := watch(ctx, cmd, patienceFor(0)); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want context.Canceled", err)
	}
	if _, err := watch(t.Context(), exec.Command(t.TempDir()+"/none"),
		patienceFor(0)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v, want os.ErrNotExist", err)
	}
}

func TestAllWait(t *testing.T) {
	for dump, want := range map[string]bool{
		"": false,
		"goroutine 0 gp=0x1 m=0 mp=0x2 [idle]:\n": false,
		"goroutine 0 gp=0x1 m=0 mp=0x2 [idle]:\n\ngoroutine 1 gp=0x3 m=nil [chan receive, 2 " +
			"minutes]:\nmain.main()\n": true,
		"goroutine 1 [select]:\n\ngoroutine 7 [sync.Mutex.Lock]:\n":                             true,
		"goroutine 1 [select]:\n\ngoroutine 7 [runnable]:\n":                                    false,
		"goroutine 1 [select]:\n\ngoroutine 7 gp=0x1 m=3 mp=0x2 [running, locked to thread]:\n": false,
		"goroutine 1 [sleep]:\n": false,
		"goroutine 1 [select]:\nmain.main()\n\ngoroutine 9 [syscall]:\nsyscall.read()\n":          false,
		"goroutine 1 [select]:\nmain.main()\n\ngoroutine 9 [syscall]:\nos/signal.signal_recv()\n": true,
		"log of the test\n\n\ngoroutine 1 [chan receive]:\nmain.main()\n\nrax 0x0\n":              true,
	} {
		if got := allWait(dump); got != want {
			t.Errorf("%v, want %v:\n%s", got, want, dump)
		}
	}
}

// What ended a detector's tests is a catch only if it is a sign of the fault.
func TestJudge(t *testing.T) {
	failing := errors.New("exit status 1")
	wait, run := "goroutine 1 [select]:\nx.TestA(0x1)\n", "goroutine 1 [running]:\nx.TestA(0x1)\n"
	for _, c := range []struct {
		name  string
		judge Judge
		e     ended
		want  Outcome
	}{
		{"it passes", ByTests, ended{}, Outcome{}},
		{"a test fails", ByTests,
			ended{err: failing, output: "--- FAIL: TestA (0s)\n    --- FAIL: TestA/x (0s)\n"},
			Outcome{Caught: true, Tests: []string{"TestA"}}},
		{"it crashes", ByTests, ended{err: failing, output: "panic: x\n" + run},
			Outcome{Caught: true, Tests: []string{"TestA"}}},
		{"it hangs", ByTests, ended{err: failing, stop: stopQuiet, output: wait},
			Outcome{Caught: true, Hung: true, Tests: []string{"TestA"}}},
		{"it spins", ByTests, ended{err: failing, stop: stopBusy, output: run},
			Outcome{Caught: true, Hung: true, Tests: []string{"TestA"}}},
		{"it is slow", ByTests, ended{err: failing, stop: stopLate, output: run},
			Outcome{Undecided: true}},
		{"a test fails under the race detector", ByRaceDetector,
			ended{err: failing, output: "--- FAIL: TestA (0s)\n"}, Outcome{}},
		{"a race", ByRaceDetector,
			ended{err: failing, output: "WARNING: DATA RACE\n--- FAIL: TestA (0s)\n"},
			Outcome{Caught: true, Tests: []string{"TestA"}}},
		{"a test fails that writes traces", ByTraces,
			ended{err: failing, output: "--- FAIL: TestA (0s)\n"}, Outcome{}},
	} {
		got, err := Detector{Judge: c.judge}.judge(&c.e, t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if got.Caught != c.want.Caught || got.Hung != c.want.Hung ||
			got.Undecided != c.want.Undecided ||
			strings.Join(got.Tests, " ") != strings.Join(c.want.Tests, " ") {
			t.Errorf("%s: %+v, want %+v", c.name, got, c.want)
		}
	}
}
