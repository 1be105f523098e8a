package cloudwatch

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// rangeOf reads a range as CloudWatch's guide draws it: "0 X - -", oldest first.
func rangeOf(text string) (points []point) {
	for i, c := range strings.Fields(text) {
		p := point{at: int64(i), known: c != "-"}
		if c == "X" {
			p.value = 10
		}
		points = append(points, p)
	}
	return points
}

// The two tables of the guide's "how CloudWatch alarms treat missing data".
func TestMissingDataIsTreatedAsTheGuideSays(t *testing.T) {
	const ok, alarm, none, same = types.StateValueOk, types.StateValueAlarm, types.StateValueInsufficientData, types.StateValue("")
	for _, c := range []struct {
		points                                   string
		m                                        int
		missing, ignore, breaching, notBreaching types.StateValue
	}{
		{"0 - X - X", 3, ok, ok, ok, ok},
		{"0 - - - -", 3, ok, ok, ok, ok},
		{"- - - - -", 3, none, same, alarm, ok},
		{"0 X X - X", 3, alarm, alarm, alarm, alarm},
		{"- - X - -", 3, alarm, same, alarm, ok},
		{"- - - - X", 3, same, same, alarm, ok},

		{"0 - X - X", 2, alarm, alarm, alarm, alarm},
		{"0 0 X 0 X", 2, alarm, alarm, alarm, alarm},
		{"0 - X - -", 2, ok, ok, alarm, ok},
		{"- - - - 0", 2, ok, ok, alarm, ok},
		{"- - - X -", 2, alarm, same, alarm, ok},
		{"- - - - X", 2, same, same, alarm, ok},
	} {
		for treat, want := range map[string]types.StateValue{"missing": c.missing, "": c.missing, "ignore": c.ignore, "breaching": c.breaching, "notBreaching": c.notBreaching} {
			got := judge(rangeOf(c.points), 3, c.m, treat, func(v float64) bool { return v > 5 })
			if got.state != want {
				t.Errorf("%s, %d of 3, %q: %q, want %q", c.points, c.m, treat, got.state, want)
			}
		}
	}
}

func TestExpressions(t *testing.T) {
	s := scope{periods: []int64{0, 60, 120}, vectors: map[string]vector{
		"a":      {points: map[int64]float64{0: 10, 60: 20}},
		"b":      {points: map[int64]float64{0: 2, 60: 0, 120: 5}},
		"errors": {points: map[int64]float64{60: 3}},
	}}
	for text, want := range map[string]map[int64]float64{
		"a+b":                         {0: 12, 60: 20},
		"a / b":                       {0: 5},
		"100*FILL(errors, 0)/(a+1e0)": {0: 0, 60: 300.0 / 21},
		"-a*2":                        {0: -20, 60: -40},
		"2 + 3 * b":                   {0: 8, 60: 2, 120: 17},
		"IF(a > 15, 1, 0)":            {0: 0, 60: 1},
		"IF(a > 15, a)":               {60: 20},
		"SUM([a, b])":                 {0: 12, 60: 20, 120: 5},
		"MAX(b) - b":                  {0: 3, 60: 5, 120: 0},
		"a > 5 && b > 1":              {0: 1, 60: 0},
		"FILL(errors, b)":             {0: 2, 60: 3, 120: 5},
		"ABS(0 - b)":                  {0: 2, 60: 0, 120: 5},
	} {
		e, _, err := compile(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := e(s)
		for _, at := range s.periods {
			v, ok := got.at(at)
			if w, wanted := want[at]; ok != wanted || v != w {
				t.Errorf("%s at %d: %v, %v, want %v", text, at, v, ok, want)
			}
		}
	}
	for _, bad := range []string{"", "a+", "(a", "SEARCH('x')", "a b", "IF(a)", "1.2.3", "$", "A"} {
		if _, _, err := compile(bad); err == nil {
			t.Errorf("%q compiles", bad)
		}
	}
}

func FuzzCompile(f *testing.F) {
	for _, s := range []string{"a+b", "FILL(m1,0)*100", "IF(a>1,[b],-c)", "((("} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if e, _, err := compile(text); err == nil {
			e(scope{periods: []int64{0}})
		}
	})
}

func TestQueriesMustBeSound(t *testing.T) {
	q := func(id, e string) types.MetricDataQuery { return types.MetricDataQuery{Id: &id, Expression: &e} }
	for name, qs := range map[string][]types.MetricDataQuery{
		"loop":    {q("a", "b"), q("b", "a")},
		"unknown": {q("a", "c+1")},
		"twice":   {q("a", "1"), q("a", "2")},
		"case":    {q("A", "1")},
		"neither": {{Id: new(string)}},
	} {
		if _, err := compileAll(qs); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	p, err := compileAll([]types.MetricDataQuery{q("c", "a+b"), q("a", "b*2"), q("b", "21")})
	if err != nil {
		t.Fatal(err)
	}
	if v := p.read(&metrics{}, span{0, 60}, 60)["c"]; !v.constant || v.value != 63 {
		t.Errorf("c is %+v", v)
	}
}
