package cloudwatch

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// suppressor is what may silence a composite alarm's actions, which are records as it is.
type suppressor struct {
	Alarm           *string
	Wait, Extension *int32
}

// composite tells whether the alarm judges by other alarms.
func (a *alarm) composite() bool { return a.Rule != "" }

func (a *alarm) kind() types.AlarmType {
	if a.composite() {
		return types.AlarmTypeCompositeAlarm
	}
	return types.AlarmTypeMetricAlarm
}

// described is a composite alarm as the API shows it.
func (a *alarm) described() types.CompositeAlarm {
	c := types.CompositeAlarm{
		AlarmName: a.AlarmName, AlarmArn: a.AlarmArn, AlarmDescription: a.AlarmDescription, AlarmRule: &a.Rule,
		ActionsEnabled: a.ActionsEnabled, AlarmActions: a.AlarmActions, OKActions: a.OKActions, InsufficientDataActions: a.InsufficientDataActions,
		StateValue: a.StateValue, StateReason: a.StateReason, StateReasonData: a.StateReasonData, StateUpdatedTimestamp: a.StateUpdatedTimestamp,
		StateTransitionedTimestamp: a.StateTransitionedTimestamp, AlarmConfigurationUpdatedTimestamp: a.AlarmConfigurationUpdatedTimestamp,
	}
	if s := a.Suppressor; s != nil {
		c.ActionsSuppressor, c.ActionsSuppressorWaitPeriod, c.ActionsSuppressorExtensionPeriod = s.Alarm, s.Wait, s.Extension
	}
	return c
}

// PutCompositeAlarm makes an alarm that judges by others, or replaces all of one but its
// state and its tags.
func (s *Service) PutCompositeAlarm(_ context.Context, in *cw.PutCompositeAlarmInput, _ ...func(*cw.Options)) (*cw.PutCompositeAlarmOutput, error) {
	_, names, err := compileRule(aws.ToString(in.AlarmRule), s.alarmARN(""))
	if err != nil {
		return nil, refused("AlarmRule is invalid: %s", err)
	}
	if in.ActionsSuppressor != nil && (in.ActionsSuppressorWaitPeriod == nil || in.ActionsSuppressorExtensionPeriod == nil) {
		return nil, refused("ActionsSuppressorWaitPeriod and ActionsSuppressorExtensionPeriod are required with ActionsSuppressor")
	}
	row := alarm{Rule: aws.ToString(in.AlarmRule), MetricAlarm: types.MetricAlarm{
		AlarmName: in.AlarmName, AlarmDescription: in.AlarmDescription, ActionsEnabled: in.ActionsEnabled,
		OKActions: in.OKActions, AlarmActions: in.AlarmActions, InsufficientDataActions: in.InsufficientDataActions,
	}}
	if in.ActionsSuppressor != nil {
		row.Suppressor = &suppressor{in.ActionsSuppressor, in.ActionsSuppressorWaitPeriod, in.ActionsSuppressorExtensionPeriod}
	}
	return &cw.PutCompositeAlarmOutput{}, s.Store.Update(func(tx *store.Tx) error {
		unknown := slices.DeleteFunc(names, func(n string) bool { _, ok := s.alarms.Get(tx, n); return ok || n == *in.AlarmName })
		if len(unknown) > 0 {
			return refused("Could not save the composite alarm as alarms [%s] in the alarm rule do not exist", strings.Join(unknown, ", "))
		}
		return s.putAlarm(tx, row, in.Tags)
	})
}

// depending is the name of a composite alarm that judges by the named one, "" for none.
func (s *Service) depending(tx *store.Tx, name string, going []string) string {
	for n, a := range s.alarms.All(tx, "") {
		if !a.composite() || slices.Contains(going, n) {
			continue
		}
		if _, children, err := compileRule(a.Rule, s.alarmARN("")); err == nil && slices.Contains(children, name) {
			return n
		}
	}
	return ""
}

// related tells which alarms are children or parents of another.
func (s *Service) related(tx *store.Tx, in *cw.DescribeAlarmsInput) (func(name string) bool, error) {
	if in.ChildrenOfAlarmName == nil {
		return func(name string) bool {
			a, _ := s.alarms.Get(tx, name)
			return slices.Contains(s.childrenOf(a), *in.ParentsOfAlarmName)
		}, nil
	}
	a, ok := s.alarms.Get(tx, *in.ChildrenOfAlarmName)
	if !ok || !a.composite() {
		return nil, refused("ChildrenOfAlarmName must be the name of a composite alarm")
	}
	children := s.childrenOf(a)
	return func(name string) bool { return slices.Contains(children, name) }, nil
}

func (s *Service) childrenOf(a alarm) []string {
	if !a.composite() {
		return nil
	}
	_, children, _ := compileRule(a.Rule, s.alarmARN("")) // checked when it was put
	return children
}

// evaluateComposites judges composite alarms by the states that others have now, again
// where one changes that others judge by. Those in a cycle end where they stand.
func (s *Service) evaluateComposites(all []alarm) error {
	for range all {
		changed := false
		for _, a := range all {
			if !a.composite() || s.forced.holds(*a.AlarmName, s.Clock.Now()) {
				continue
			}
			err := s.Store.Update(func(tx *store.Tx) error {
				now, ok := s.alarms.Get(tx, *a.AlarmName)
				moved := ok && now.composite() && s.rejudge(tx, now)
				changed = changed || moved
				return nil
			})
			if err != nil {
				return err
			}
		}
		if !changed {
			return nil
		}
	}
	return nil
}

// rejudge puts a composite alarm into the state that its rule gives, and tells whether
// that is another one.
func (s *Service) rejudge(tx *store.Tx, a alarm) bool {
	r, children, err := compileRule(a.Rule, s.alarmARN(""))
	if err != nil { // checked when it was put
		return false
	}
	state := types.StateValueOk
	if r(func(name string) types.StateValue { c, _ := s.alarms.Get(tx, name); return c.StateValue }) {
		state = types.StateValueAlarm
	}
	if state == a.StateValue {
		return false
	}
	reason, data := s.triggered(tx, a, children, state)
	s.transition(tx, a, state, reason, data)
	return true
}

// triggered words why a composite alarm changes: by the one that changed last of those
// that it judges by.
func (s *Service) triggered(tx *store.Tx, a alarm, children []string, state types.StateValue) (reason, data string) {
	var by *alarm
	for _, name := range children {
		if c, ok := s.alarms.Get(tx, name); ok && c.StateUpdatedTimestamp != nil && (by == nil || c.StateUpdatedTimestamp.After(*by.StateUpdatedTimestamp)) {
			by = &c
		}
	}
	list := []any{}
	if by != nil {
		list = append(list, map[string]any{"arn": *by.AlarmArn, "state": map[string]any{"value": by.StateValue, "timestamp": instant(*by.StateUpdatedTimestamp)}})
	}
	text, _ := json.Marshal(map[string]any{"triggeringAlarms": list}) // plain values
	if by == nil || by.StateUpdatedTimestamp.Before(*a.AlarmConfigurationUpdatedTimestamp) {
		return *a.AlarmArn + " was created and its alarm rule evaluates to " + string(state), string(text)
	}
	return *by.AlarmArn + " transitioned to " + string(by.StateValue) + " at " + by.StateUpdatedTimestamp.UTC().Format("Monday 02 January, 2006 15:04:05 UTC"), string(text)
}
