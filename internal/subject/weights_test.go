package subject

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

const arnOf = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/"

func tuple(name string, weight *int32) elbtypes.TargetGroupTuple {
	return elbtypes.TargetGroupTuple{TargetGroupArn: aws.String(arnOf + name + "/0123456789abcdef"), Weight: weight}
}

func TestWeightsAreShares(t *testing.T) {
	forward := func(g ...elbtypes.TargetGroupTuple) []elbtypes.Action {
		return []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, ForwardConfig: &elbtypes.ForwardActionConfig{TargetGroups: g}}}
	}
	for want, actions := range map[string][]elbtypes.Action{
		"blue 90 %, green 10 %":          forward(tuple("blue", aws.Int32(90)), tuple("green", aws.Int32(10))),
		"blue 75 %, green 25 %":          forward(tuple("blue", aws.Int32(3)), tuple("green", aws.Int32(1))), // weights need not sum up to 100
		"blue 0 %, green 0 %":            forward(tuple("blue", aws.Int32(0)), tuple("green", aws.Int32(0))),
		"blue 100 %":                     forward(tuple("blue", nil)),
		"old 100 %":                      {{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: aws.String(arnOf + "old/0123456789abcdef")}},
		"no target group of the service": {{Type: elbtypes.ActionTypeEnumFixedResponse}},
	} {
		if got := (Route{Weights: weights(actions)}).String(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}
