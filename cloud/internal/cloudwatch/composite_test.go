package cloudwatch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

func TestRules(t *testing.T) {
	states := map[string]types.StateValue{"up": "OK", "down": "ALARM", "a b": "ALARM", "new": "INSUFFICIENT_DATA"}
	state := func(name string) types.StateValue { return states[name] }
	const prefix = "arn:aws:cloudwatch:us-east-1:123456789012:alarm:"
	for text, want := range map[string]bool{
		"TRUE":                                   true,
		"FALSE":                                  false,
		"ALARM(down)":                            true,
		`ALARM("a b") AND OK(up)`:                true,
		"ALARM(" + prefix + "down)":              true,
		`ALARM("` + prefix + `a b")`:             true,
		"NOT ALARM(down)":                        false,
		"NOT NOT ALARM(down)":                    true,
		"OK(down) OR INSUFFICIENT_DATA(new)":     true,
		"ALARM(down) OR ALARM(up) AND FALSE":     true, // AND binds more tightly
		"(ALARM(down) OR ALARM(up)) AND FALSE":   false,
		"NOT ALARM(up) AND ALARM(down)":          true,
		"NOT (ALARM(up) OR ALARM(down))":         false,
		"  ALARM(\n down ) AND\tNOT(OK(down))\n": true,
	} {
		r, _, err := compileRule(text, prefix)
		if err != nil || r(state) != want {
			t.Errorf("%q: %v", text, err)
		}
	}
	_, names, err := compileRule(`ALARM(a) OR OK(a) OR (ALARM("b c") AND ALARM(`+prefix+`d))`, prefix)
	if err != nil || !slices.Equal(names, []string{"a", "b c", "d"}) {
		t.Errorf("names %q, %v", names, err)
	}
	for _, bad := range []string{
		"", "ALARM", "ALARM()", "ALARM(a", "ALARM a", `ALARM("a)`, "ALARM(a) ALARM(b)", "ALARM(a) AND", "AND", "(TRUE", "TRUE)", "alarm(a)", "NOT", "MAYBE(a)",
		strings.Repeat("(", 600) + "TRUE" + strings.Repeat(")", 600), strings.Repeat("TRUE OR ", 2000) + "TRUE", manyAlarms(101),
	} {
		if _, _, err := compileRule(bad, prefix); err == nil {
			t.Errorf("%.60q is accepted", bad)
		}
	}
}

func manyAlarms(n int) string {
	var all []string
	for i := range n {
		all = append(all, fmt.Sprintf("ALARM(a%d)", i))
	}
	return strings.Join(all, " OR ")
}

func FuzzRule(f *testing.F) {
	for _, s := range []string{`NOT (ALARM("a b") OR OK(c)) AND TRUE`, "ALARM(", `"`, "((", "AT_LEAST(1, OK, (a))"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		if r, names, err := compileRule(text, "arn:"); err == nil && len(names) <= maxRuleAlarms {
			r(func(string) types.StateValue { return types.StateValueOk })
		}
	})
}

// compose makes a composite alarm.
func compose(t *testing.T, s *Service, name, rule string) {
	t.Helper()
	if _, err := s.PutCompositeAlarm(ctx, &cw.PutCompositeAlarmInput{AlarmName: &name, AlarmRule: &rule}); err != nil {
		t.Fatal(err)
	}
}

func composite(t *testing.T, s *Service, name string) types.CompositeAlarm {
	t.Helper()
	out, err := s.DescribeAlarms(ctx, &cw.DescribeAlarmsInput{AlarmNames: []string{name}, AlarmTypes: []types.AlarmType{types.AlarmTypeCompositeAlarm}})
	if err != nil || len(out.CompositeAlarms) != 1 || len(out.MetricAlarms) != 0 {
		t.Fatalf("alarm %s: %+v, %v", name, out, err)
	}
	return out.CompositeAlarms[0]
}

// A composite alarm follows the alarms that it judges by, and another one follows it.
func TestCompositeAlarmsFollowOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 1)
		running(t, s)
		put(t, s, fiveHundreds())
		compose(t, s, "service", "ALARM(5xx)")
		compose(t, s, "all", "ALARM(service) AND NOT INSUFFICIENT_DATA(5xx)")
		time.Sleep(15 * time.Second)
		if a := composite(t, s, "service"); a.StateValue != types.StateValueOk || *a.StateReason != *a.AlarmArn+" was created and its alarm rule evaluates to OK" && !strings.Contains(*a.StateReason, ":alarm:5xx transitioned to OK at ") {
			t.Errorf("at first %s: %s", a.StateValue, *a.StateReason)
		}
		for range 4 {
			s.Record("AWS/ApplicationELB", "HTTPCode_Target_5XX_Count", tg, 9, "Count")
			time.Sleep(time.Minute)
		}
		a, all := composite(t, s, "service"), composite(t, s, "all")
		if a.StateValue != types.StateValueAlarm || all.StateValue != types.StateValueAlarm {
			t.Fatalf("%s and %s while 5xx is %s", a.StateValue, all.StateValue, described(t, s, "5xx").StateValue)
		}
		if !strings.Contains(*a.StateReason, ":alarm:5xx transitioned to ALARM at ") || !strings.HasSuffix(*a.StateReason, " UTC") || !strings.Contains(*a.StateReasonData, `"triggeringAlarms":[{"arn":"arn:aws:cloudwatch:us-east-1:123456789012:alarm:5xx"`) {
			t.Errorf("its reason: %s %s", *a.StateReason, *a.StateReasonData)
		}
		states, err := s.States(ctx, []string{"service", "5xx"})
		if err != nil || states["service"] != types.StateValueAlarm {
			t.Errorf("CodeDeploy sees %v, %v", states, err)
		}
		time.Sleep(5 * time.Minute)
		if a := composite(t, s, "all"); a.StateValue != types.StateValueOk {
			t.Errorf("in the end %s", a.StateValue)
		}
		h, err := s.DescribeAlarmHistory(ctx, &cw.DescribeAlarmHistoryInput{AlarmName: aws.String("all"), AlarmTypes: []types.AlarmType{types.AlarmTypeCompositeAlarm}, HistoryItemType: types.HistoryItemTypeStateUpdate})
		if err != nil || len(h.AlarmHistoryItems) != 3 || h.AlarmHistoryItems[0].AlarmType != types.AlarmTypeCompositeAlarm {
			t.Errorf("history %+v, %v", h, err)
		}
	})
}

// Those that judge by each other change no more often than there are alarms, and a rule of
// FALSE breaks the circle.
func TestCompositeAlarmsInACircle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := open(t, 1)
		running(t, s)
		compose(t, s, "a", "FALSE")
		compose(t, s, "b", "NOT ALARM(a)")
		compose(t, s, "a", "ALARM(b)")
		time.Sleep(time.Minute)
		compose(t, s, "a", "FALSE")
		time.Sleep(time.Minute)
		if a, b := composite(t, s, "a"), composite(t, s, "b"); a.StateValue != types.StateValueOk || b.StateValue != types.StateValueAlarm {
			t.Errorf("%s and %s", a.StateValue, b.StateValue)
		}
	})
}

func TestCompositeAlarmsAreChosenAndKept(t *testing.T) {
	s := open(t, 1)
	put(t, s, fiveHundreds())
	compose(t, s, "service", "ALARM(5xx)")
	compose(t, s, "all", "ALARM(service)")
	for _, c := range []struct {
		in   *cw.DescribeAlarmsInput
		want string
	}{
		{&cw.DescribeAlarmsInput{}, "5xx"},
		{&cw.DescribeAlarmsInput{AlarmTypes: []types.AlarmType{types.AlarmTypeCompositeAlarm}}, "all service"},
		{&cw.DescribeAlarmsInput{AlarmTypes: []types.AlarmType{types.AlarmTypeCompositeAlarm, types.AlarmTypeMetricAlarm}}, "all service 5xx"},
		{&cw.DescribeAlarmsInput{ChildrenOfAlarmName: aws.String("service")}, "5xx"},
		{&cw.DescribeAlarmsInput{ParentsOfAlarmName: aws.String("service")}, "all"},
	} {
		out, err := s.DescribeAlarms(ctx, c.in)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, a := range out.CompositeAlarms {
			got = append(got, *a.AlarmName)
		}
		for _, a := range out.MetricAlarms {
			got = append(got, *a.AlarmName)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%+v: %q, want %s", c.in, got, c.want)
		}
	}
	for want, call := range map[string]func() error{
		"Could not save the composite alarm as alarms [gone] in the alarm rule do not exist": func() error {
			_, err := s.PutCompositeAlarm(ctx, &cw.PutCompositeAlarmInput{AlarmName: aws.String("x"), AlarmRule: aws.String("ALARM(gone) OR OK(5xx)")})
			return err
		},
		"AlarmRule is invalid: unexpected MAYBE": func() error {
			_, err := s.PutCompositeAlarm(ctx, &cw.PutCompositeAlarmInput{AlarmName: aws.String("x"), AlarmRule: aws.String("MAYBE")})
			return err
		},
		"Alarm 5xx already exists and is a MetricAlarm": func() error {
			_, err := s.PutCompositeAlarm(ctx, &cw.PutCompositeAlarmInput{AlarmName: aws.String("5xx"), AlarmRule: aws.String("TRUE")})
			return err
		},
		"Cannot delete 5xx as there are composite alarm(s) depending on it.": func() error {
			_, err := s.DeleteAlarms(ctx, &cw.DeleteAlarmsInput{AlarmNames: []string{"5xx"}})
			return err
		},
		"Only one composite alarm can be deleted in a call": func() error {
			_, err := s.DeleteAlarms(ctx, &cw.DeleteAlarmsInput{AlarmNames: []string{"all", "service"}})
			return err
		},
	} {
		if err := call(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
	for _, names := range [][]string{{"all"}, {"service", "5xx"}} {
		if _, err := s.DeleteAlarms(ctx, &cw.DeleteAlarmsInput{AlarmNames: names}); err != nil {
			t.Error(err)
		}
	}
}
