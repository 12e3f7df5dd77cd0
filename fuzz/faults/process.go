package faults

import (
	"bytes"
	"context"
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
					started := family(cmd.Process.Pid)
					// The runtime answers with the stacks of all goroutines.
					_ = cmd.Process.Signal(syscall.SIGQUIT)
					killBut(cmd.Process.Pid, started)
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

// processorTime is how much processor time a process and those that it has started have used, where
// the system has Linux's /proc: a test of the explorer has others compile and run what it explores.
func processorTime(pid int) (total time.Duration, ok bool) {
	for p, used := range family(pid) {
		total, ok = total+used, ok || p == pid
	}
	return total, ok
}

// family is the processor time of a process and of those that it has started, by their numbers.
func family(pid int) map[int]time.Duration {
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil
	}
	parents, used := map[int]int{}, map[int]time.Duration{}
	for _, file := range stats {
		if b, err := os.ReadFile(file); err == nil { // or it has just ended
			readStat(b, parents, used)
		}
	}
	for p := range used {
		ancestor := p
		for ancestor != pid && ancestor != 0 {
			ancestor = parents[ancestor]
		}
		if ancestor != pid {
			delete(used, p)
		}
	}
	return used
}

// killBut ends what a process has started, which would go on without it.
func killBut(pid int, started map[int]time.Duration) {
	for other := range started {
		if p, err := os.FindProcess(other); err == nil && other != pid {
			_ = p.Kill() // or it has ended meanwhile
		}
	}
}

// readStat reads the parent of a process, and the processor time that it and those of its children
// that have ended have used.
func readStat(stat []byte, parents map[int]int, used map[int]time.Duration) {
	const perSecond = 100 // Linux's USER_HZ, on every machine that Go runs on
	// proc_pid_stat(5): after the name, which is in parentheses, the parent is the second field.
	// utime, stime, cutime and cstime are the 12th to 15th.
	pid, err := strconv.Atoi(string(stat[:max(bytes.IndexByte(stat, ' '), 0)]))
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if err != nil || len(fields) < 15 {
		return
	}
	ticks := int64(0)
	for _, field := range fields[11:15] {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return
		}
		ticks += n
	}
	parent, err := strconv.Atoi(fields[1])
	if err != nil {
		return
	}
	parents[pid], used[pid] = parent, time.Duration(ticks)*time.Second/perSecond
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
