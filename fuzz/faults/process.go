package faults

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// patience is how long a process may go on. A machine under load makes everything slow, so nothing
// but the last resort is measured in time: a process that is stuck is told from a slow one by what
// it does. See "Why is a time-out no catch?" in spec/rationale.md.
type patience struct {
	every time.Duration // how often one looks
	quiet time.Duration // a process that has hardly run for so long is asked what it waits for
	busy  time.Duration // how much processor time it may use
	late  time.Duration // the last resort
}

// patienceFor is the patience with tests that need so much processor time when nothing is wrong; 0
// if that is not known.
func patienceFor(sound time.Duration) patience {
	p := patience{every: time.Second / 2, quiet: 12 * time.Second, busy: 15*time.Second + 8*sound,
		late: 10 * time.Minute}
	if sound == 0 {
		p.busy = 3 * time.Minute
	}
	return p
}

// hardly is the share of one processor, in percent, below which a process does not really run.
const hardly = 5

// stop is why a process was stopped.
type stop byte

const (
	stopNot   stop = iota // it ended by itself
	stopQuiet             // it hardly ran
	stopBusy              // it used too much processor time
	stopLate
)

// ended is how a process ended.
type ended struct {
	output string
	err    error // of waiting for it: nil if it succeeded
	stop   stop
	cpu    time.Duration
	took   time.Duration
}

// hung tells whether a process that was stopped would never have ended: because all its goroutines
// waited for each other, or because it used many times the processor time that it needs.
func (e *ended) hung() bool {
	switch e.stop {
	case stopNot:
		return false
	case stopBusy:
		return true
	}
	return allWait(e.output)
}

// watch runs a command until it ends or patience does. The error is that of starting it, or the
// context's.
func watch(ctx context.Context, cmd *exec.Cmd, p patience) (*ended, error) {
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	cmd.WaitDelay = 10 * time.Second
	start := time.Now()
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	ticker := time.NewTicker(p.every)
	defer ticker.Stop()
	e := &ended{}
	var used []time.Duration // processor time at each look, as far back as quiet goes
	for {
		select {
		case e.err = <-done:
		case <-ctx.Done():
			_ = cmd.Process.Kill() // or it has ended meanwhile
			<-done
			return nil, ctx.Err()
		case <-ticker.C:
			if e.stop == stopNot {
				e.stop, used = p.reason(cmd.Process.Pid, time.Since(start), used)
				if e.stop != stopNot {
					// The runtime answers with the stacks of all goroutines.
					_ = cmd.Process.Signal(syscall.SIGQUIT)
					time.AfterFunc(cmd.WaitDelay, func() { _ = cmd.Process.Kill() })
				}
			}
			continue
		}
		break
	}
	e.took, e.output = time.Since(start), out.String()
	e.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	return e, nil
}

// reason tells why a process has to be stopped now, if it has to.
func (p patience) reason(pid int, running time.Duration, used []time.Duration) (stop,
	[]time.Duration) {
	cpu, ok := processorTime(pid)
	switch {
	case running > p.late:
		return stopLate, used
	case !ok: // it has just ended, or the system does not say
		return stopNot, used
	case cpu > p.busy:
		return stopBusy, used
	}
	used = append(used, cpu)
	looks := int(p.quiet/p.every) + 1
	if len(used) < looks {
		return stopNot, used
	}
	used = used[len(used)-looks:]
	if (cpu-used[0])*100 < p.quiet*hardly {
		return stopQuiet, used
	}
	return stopNot, used
}

// processorTime is how much processor time a process has used, where the system has Linux's /proc.
func processorTime(pid int) (time.Duration, bool) {
	const perSecond = 100 // Linux's USER_HZ, on every machine that Go runs on
	b, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, false
	}
	// proc_pid_stat(5): after the name, which is in parentheses, utime and stime are the 12th and
	// 13th field.
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) < 13 {
		return 0, false
	}
	user, err1 := strconv.ParseInt(fields[11], 10, 64)
	system, err2 := strconv.ParseInt(fields[12], 10, 64)
	if errors.Join(err1, err2) != nil {
		return 0, false
	}
	return time.Duration(user+system) * time.Second / perSecond, true
}

// goroutineLine is the first line of a goroutine in a dump, with its state.
var goroutineLine = regexp.MustCompile(`^goroutine (\d+) (?:gp=\S+ m=\S+ (?:mp=\S+ )?)?\[([^\],]*)`)

// allWait tells whether a dump of all goroutines has some, and none that could run, is in a call of
// the system, or is asleep only for a time.
func allWait(dump string) bool {
	found := false
	for goroutine := range strings.SplitSeq(dump, "\n\n") {
		m := goroutineLine.FindStringSubmatch(strings.TrimLeft(goroutine, "\n"))
		if m == nil || m[1] == "0" { // 0 is the thread that took the signal
			continue
		}
		found = true
		could := slices.Contains([]string{"running", "runnable", "syscall", "sleep", "copystack",
			"preempted"}, m[2])
		if could && !strings.Contains(goroutine, "os/signal.signal_recv") {
			return false
		}
	}
	return found
}
