package cloud

import (
	"context"

	cwtypes "github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// alarms knows the states of alarms.
type alarms interface {
	States(ctx context.Context, names []string) (map[string]cwtypes.StateValue, error)
}

// alarming tells CodeDeploy which alarms are in ALARM. Alarms that do not exist are not.
func alarming(a alarms) func(context.Context, []string) (map[string]bool, error) {
	return func(ctx context.Context, names []string) (map[string]bool, error) {
		states, err := a.States(ctx, names)
		out := make(map[string]bool, len(states))
		for n, s := range states {
			out[n] = s == cwtypes.StateValueAlarm
		}
		return out, err
	}
}
