package schedule_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lockstep-wasm/lockstep/fuzz/schedule"
)

func TestSchedulesPrintAndParse(t *testing.T) {
	for text, want := range map[string]schedule.Schedule{
		"0":           nil,
		"0:1":         {1},
		"7:1,12:2":    {7: 1, 12: 2},
		"0:1,1:1,2:3": {1, 1, 3},
	} {
		got, err := schedule.ParseSchedule(text)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v, want %v", text, got, err, want)
		}
		if again := got.String(); again != text {
			t.Errorf("%s prints as %s", text, again)
		}
	}
	for _, text := range []string{"", "x", "1", "1:", ":1", "1:0", "1:-1", "-1:1", "2:1,1:1",
		"1:1,1:1", "1:1,", "9999999999:1", "1:1 "} {
		var syntax *schedule.SyntaxError
		if s, err := schedule.ParseSchedule(text); !errors.As(err, &syntax) || syntax.Text != text {
			t.Errorf("%q: %v, %v, want a SyntaxError", text, s, err)
		}
	}
}

func TestSchedulesSurviveText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := schedule.Schedule(rapid.SliceOf(rapid.IntRange(0, 3)).Draw(t, "schedule"))
		again, err := schedule.ParseSchedule(s.String())
		if err != nil {
			t.Fatal(err)
		}
		if again.String() != s.String() || len(again) > len(s) {
			t.Errorf("%v became %v", []int(s), []int(again))
		}
	})
}

func FuzzParseSchedule(f *testing.F) {
	f.Add("0")
	f.Add("7:1,12:2")
	f.Fuzz(func(t *testing.T, text string) {
		s, err := schedule.ParseSchedule(text)
		if err != nil {
			return
		}
		if again, err := schedule.ParseSchedule(s.String()); err != nil || !slices.Equal(again, s) {
			t.Errorf("%q: %v, then %v, %v", text, s, again, err)
		}
	})
}
