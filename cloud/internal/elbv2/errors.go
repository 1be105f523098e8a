package elbv2

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/smithy-go"
)

// validation is what the service answers when a value is wrong in itself.
func validation(format string, args ...any) error {
	return &smithy.GenericAPIError{
		Code:    "ValidationError",
		Message: fmt.Sprintf(format, args...),
		Fault:   smithy.FaultClient,
	}
}

// text is the message of a modelled error.
func text(format string, args ...any) *string { return aws.String(fmt.Sprintf(format, args...)) }

func badConfiguration(format string, args ...any) error {
	return &types.InvalidConfigurationRequestException{Message: text(format, args...)}
}

func badAction(format string, args ...any) error {
	return &types.InvalidLoadBalancerActionException{Message: text(format, args...)}
}

func notPermitted(format string, args ...any) error {
	return &types.OperationNotPermittedException{Message: text(format, args...)}
}

// The describe operations name no resource when one of a list of ARNs is missing.
var (
	errLoadBalancers = &types.LoadBalancerNotFoundException{Message: aws.String("One or more load balancers not found")}
	errListeners     = &types.ListenerNotFoundException{Message: aws.String("One or more listeners not found")}
	errRules         = &types.RuleNotFoundException{Message: aws.String("One or more rules not found")}
	errTargetGroups  = &types.TargetGroupNotFoundException{Message: aws.String("One or more target groups not found")}
)

func noLoadBalancer(arn string) error {
	return &types.LoadBalancerNotFoundException{Message: text("Load balancer '%s' not found", arn)}
}

func noTargetGroup(arn string) error {
	return &types.TargetGroupNotFoundException{Message: text("Target groups '%s' not found", arn)}
}

func noListener(arn string) error {
	return &types.ListenerNotFoundException{Message: text("Listener '%s' not found", arn)}
}

func noRule(arn string) error {
	return &types.RuleNotFoundException{Message: text("Rule '%s' not found", arn)}
}
