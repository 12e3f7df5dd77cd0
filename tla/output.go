package tla

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// Codes of TLC's messages (tlc2.output.EC), as far as this package reads them.
const (
	codeAssumption        = 2104
	codeInvariantInitial  = 2107
	codePropertyInitial   = 2108
	codeInvariant         = 2110
	codeActionProperty    = 2112
	codeDeadlock          = 2114
	codeTemporal          = 2116
	codeBackToState       = 2122
	codeSearchDepth       = 2194
	codeStats             = 2199
	codeProgress          = 2200
	codeProgressSimulator = 2209
	codeStatsSimulator    = 2210
	codeState             = 2217
	codeStuttering        = 2218
	codeVersion           = 2262
	codePostcondition     = 2404
)

// Severities of TLC's messages (tlc2.output.MP) that are failures; the others are 0 for news, 3 for
// warnings, 4 for states.
const (
	severityError  = 1
	severityTLCBug = 2
)

// Progress is how far TLC has come.
type Progress struct {
	// Depth is the length of the longest behaviour so far.
	Depth int
	// Generated counts all states found, Distinct without repetitions, Queue those still to be
	// expanded. In a simulation Distinct and Queue are 0.
	Generated, Distinct, Queue int
}

// Output is what TLC said about a model, in the messages of its -tool mode.
type Output struct {
	// Version is the first line TLC prints about itself.
	Version string
	// Stats are the last counts; final when TLC came to its end.
	Stats Progress
	// Depth is that of the search, 0 where TLC did not say.
	Depth int
	// Properties are the names of what is violated, or the place ("line 3, col 5 to … of module M")
	// of a part of a property that has no name of its own; [PropertyDeadlock] or
	// [PropertyAssumption] for what has no name.
	Properties []string
	// Trace is the counterexample, nil without.
	Trace *Trace
	// Errors are the texts of TLC's error messages, in order.
	Errors []string
	// Loose is the last of what was printed outside of messages: the parser's complaints, for
	// example.
	Loose []string
}

// message is one of TLC's messages.
type message struct {
	code, severity int
	text           strings.Builder
}

const (
	messageStart = "@!@!@STARTMSG "
	messageEnd   = "@!@!@ENDMSG "
	looseLines   = 60 // enough for a parse error and its stack
)

// ParseOutput reads what TLC prints in its -tool mode until r ends. progress, which may be nil, is
// called with every report of progress, on this goroutine. The error is r's.
func ParseOutput(r io.Reader, progress func(Progress)) (*Output, error) {
	p := &outputParser{out: &Output{}, progress: progress}
	reader := bufio.NewReader(r)
	for {
		line, err := reader.ReadString('\n')
		if line != "" {
			p.line(strings.TrimRight(line, "\r\n"))
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return p.out, fmt.Errorf("tla: read TLC's output: %w", err)
		}
	}
	// TLC may have died inside a message: what it said so far still counts.
	for len(p.open) > 0 {
		p.close()
	}
	return p.out, nil
}

type outputParser struct {
	out      *Output
	progress func(Progress)
	open     []*message // messages nest
}

func (p *outputParser) line(line string) {
	switch {
	case strings.HasPrefix(line, messageStart):
		m := &message{}
		head := strings.TrimSuffix(strings.TrimPrefix(line, messageStart), " @!@!@")
		code, severity, _ := strings.Cut(head, ":")
		m.code, _ = strconv.Atoi(code)
		m.severity, _ = strconv.Atoi(severity)
		p.open = append(p.open, m)
	case strings.HasPrefix(line, messageEnd) && len(p.open) > 0:
		p.close()
	case len(p.open) > 0:
		m := p.open[len(p.open)-1]
		m.text.WriteString(line)
		m.text.WriteByte('\n')
	case strings.TrimSpace(line) != "":
		p.out.Loose = append(p.out.Loose, line)
		if len(p.out.Loose) > looseLines {
			p.out.Loose = p.out.Loose[1:]
		}
	}
}

// close takes in the innermost open message.
func (p *outputParser) close() {
	m := p.open[len(p.open)-1]
	p.open = p.open[:len(p.open)-1]
	text := strings.TrimSpace(m.text.String())
	if m.severity == severityError || m.severity == severityTLCBug {
		p.out.Errors = append(p.out.Errors, text)
	}
	if read, ok := outputReaders[m.code]; ok {
		read(p, text)
	}
}

// outputReaders says what to do with each message that matters.
var outputReaders = map[int]func(p *outputParser, text string){
	codeVersion:           func(p *outputParser, text string) { p.out.Version = text },
	codeProgress:          (*outputParser).readProgress,
	codeProgressSimulator: (*outputParser).readProgress,
	codeStats:             (*outputParser).readStats,
	codeStatsSimulator:    (*outputParser).readStats,
	codeSearchDepth:       func(p *outputParser, text string) { p.out.Depth = lastNumber(text) },
	codeDeadlock:          func(p *outputParser, _ string) { p.violated(PropertyDeadlock) },
	codeInvariant:         (*outputParser).readViolation,
	codeActionProperty:    (*outputParser).readViolation,
	codePropertyInitial:   (*outputParser).readInitialViolation,
	codeInvariantInitial:  (*outputParser).readInitialViolation,
	codePostcondition:     (*outputParser).readViolation,
	codeAssumption:        func(p *outputParser, _ string) { p.violated(PropertyAssumption) },
	codeTemporal:          (*outputParser).readTemporal,
	codeState:             func(p *outputParser, text string) { p.step(parseState(text)) },
	codeStuttering: func(p *outputParser, text string) {
		p.step(Step{Number: firstNumber(text), Action: ActionStuttering})
	},
	codeBackToState: func(p *outputParser, text string) { p.step(parseBack(text)) },
}

func (p *outputParser) violated(name string) { p.out.Properties = append(p.out.Properties, name) }

func (p *outputParser) step(s Step) {
	if p.out.Trace == nil {
		p.out.Trace = &Trace{}
	}
	p.out.Trace.Steps = append(p.out.Trace.Steps, s)
}

var (
	progressPattern  = regexp.MustCompile(`^Progress\((?:%?)([\d,]+)\S*\)`)
	generatedPattern = regexp.MustCompile(
		`([\d,]+) states generated|number of states generated: ([\d,]+)`)
	// a simulation prints -1
	distinctPattern = regexp.MustCompile(`(?:^|[^-\d,])([\d,]+) distinct states found`)
	queuePattern    = regexp.MustCompile(`(?:^|[^-\d,])([\d,]+) states left on queue`)
	namePattern     = regexp.MustCompile(
		`^(?:Invariant|Action property|Property|Postcondition) (line .+? of module \w+|\S+)`)
	temporalPattern = regexp.MustCompile(`^Temporal propert(?:y|ies) (.+?) (?:was|were) violated`)
	actionPattern   = regexp.MustCompile(`<(\w+)(?:\((.*)\))?(?: line (\d+),.* of module (\w+))?>`)
	numberPattern   = regexp.MustCompile(`[\d,]*\d`)
)

func (p *outputParser) readProgress(text string) {
	p.readCounts(text)
	if p.progress != nil {
		p.progress(p.out.Stats)
	}
}

func (p *outputParser) readStats(text string) { p.readCounts(text) }

func (p *outputParser) readCounts(text string) {
	s := &p.out.Stats
	if depth, ok := matchNumber(progressPattern, text); ok {
		s.Depth = depth
	}
	if n, ok := matchNumber(generatedPattern, text); ok {
		s.Generated = n
	}
	if n, ok := matchNumber(distinctPattern, text); ok {
		s.Distinct = n
	}
	if n, ok := matchNumber(queuePattern, text); ok {
		s.Queue = n
	}
}

func (p *outputParser) readViolation(text string) {
	if m := namePattern.FindStringSubmatch(text); m != nil {
		p.violated(m[1])
	}
}

// readInitialViolation reads "Invariant I is violated by the initial state:" and the state behind
// it, which is the whole counterexample.
func (p *outputParser) readInitialViolation(text string) {
	p.readViolation(text)
	if _, state, ok := strings.Cut(text, "\n"); ok {
		p.step(Step{Number: 1, Action: initialAction, State: parseVariables(state)})
	}
}

// readTemporal reads the names in "Temporal property P was violated." and "Temporal properties P,
// Q, and R were violated."; old versions of TLC name none.
func (p *outputParser) readTemporal(text string) {
	m := temporalPattern.FindStringSubmatch(text)
	if m == nil {
		return
	}
	for _, name := range strings.FieldsFunc(strings.ReplaceAll(m[1], " and ", ","),
		func(r rune) bool { return r == ',' || r == ' ' }) {
		p.violated(name)
	}
}

// parseState reads a state of a counterexample: "2: <Request(g1) line 3, col 5 to line 6, col 7 of
// module M>" and the variables on the lines behind it.
func parseState(text string) Step {
	head, variables, _ := strings.Cut(text, "\n")
	step := Step{Number: firstNumber(head), State: parseVariables(variables)}
	if strings.HasPrefix(strings.TrimLeft(head, "0123456789"), ": <"+initialAction+">") {
		step.Action = initialAction
		return step
	}
	step.readAction(head)
	return step
}

// parseBack reads "1: Back to state: <Reset line 3, …>"; old versions of TLC leave the action out.
func parseBack(text string) Step {
	step := Step{Number: firstNumber(text), Back: true}
	step.readAction(text)
	return step
}

// readAction reads "<Request(g1) line 3, col 5 to line 6, col 7 of module M>".
func (s *Step) readAction(text string) {
	if m := actionPattern.FindStringSubmatch(text); m != nil {
		s.Action, s.Module = m[1], m[4]
		s.Arguments = splitArguments(m[2])
		s.Line, _ = strconv.Atoi(m[3])
	}
}

// splitArguments cuts "g1, <<"a", 2>>" at the commas that are not inside brackets or strings.
func splitArguments(text string) []string {
	if text == "" {
		return nil
	}
	tokens, _, err := lex(text)
	if err != nil {
		return []string{text}
	}
	var args []string
	depth, from := 0, 0
	for _, t := range tokens {
		switch {
		case isOpening(t):
			depth++
		case isClosing(t):
			depth--
		case t.text == "," && depth == 0:
			args = append(args, strings.TrimSpace(text[from:t.start]))
			from = t.end
		}
	}
	return append(args, strings.TrimSpace(text[from:]))
}

// parseVariables reads lines "/\ name = value"; a value goes on over lines that start otherwise. A
// state with one variable has no "/\".
func parseVariables(text string) []Variable {
	var variables []Variable
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\r\n")
		conjunct, bulleted := strings.CutPrefix(line, `/\ `)
		name, value, ok := strings.Cut(conjunct, " =")
		ok = ok && wordLength(name) == len(name) && name != ""
		switch {
		case ok && (bulleted || len(variables) == 0):
			variables = append(variables, Variable{Name: name, Value: strings.TrimSpace(value)})
		case len(variables) > 0:
			last := &variables[len(variables)-1]
			last.Value = strings.TrimSpace(last.Value + "\n" + line)
		}
	}
	return variables
}

// matchNumber returns the first group of the pattern that took part in the match, without
// thousands' commas.
func matchNumber(pattern *regexp.Regexp, text string) (int, bool) {
	m := pattern.FindStringSubmatch(text)
	for _, group := range m[min(1, len(m)):] {
		if group != "" {
			n, err := strconv.Atoi(strings.ReplaceAll(group, ",", ""))
			return n, err == nil
		}
	}
	return 0, false
}

func firstNumber(text string) int {
	n, _ := strconv.Atoi(strings.ReplaceAll(numberPattern.FindString(text), ",", ""))
	return n
}

func lastNumber(text string) int {
	all := numberPattern.FindAllString(text, -1)
	if len(all) == 0 {
		return 0
	}
	return firstNumber(all[len(all)-1])
}
