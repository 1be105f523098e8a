package elbv2

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
)

// Functions are Lambda's.
type Functions interface {
	Invoke(context.Context, *lambda.InvokeInput, ...func(*lambda.Options)) (*lambda.InvokeOutput, error)
	GetPolicy(context.Context, *lambda.GetPolicyInput, ...func(*lambda.Options)) (*lambda.GetPolicyOutput, error)
}

// InvokeFunction calls a function that is a target and returns its answer. It fails, too,
// when the function does.
func (s *Service) InvokeFunction(ctx context.Context, function string, payload []byte) ([]byte, error) {
	if s.Functions == nil {
		return nil, errors.New("there are no functions here")
	}
	out, err := s.Functions.Invoke(ctx, &lambda.InvokeInput{FunctionName: &function, Payload: payload})
	if err != nil {
		return nil, err
	}
	if out.FunctionError != nil {
		return nil, fmt.Errorf("the function failed (%s): %s", *out.FunctionError, out.Payload)
	}
	return out.Payload, nil
}

func isFunction(g types.TargetGroup) bool { return g.TargetType == types.TargetTypeEnumLambda }

const principal = "elasticloadbalancing.amazonaws.com"

// mayInvokeAll wants the functions among targets to let the group invoke them. It asks a
// neighbour, who reads the same store: no transaction may be under way.
func (s *Service) mayInvokeAll(group string, targets []types.TargetDescription) error {
	for _, d := range targets {
		if id := aws.ToString(d.Id); isFunctionARN(id) && !s.mayInvoke(id, group) {
			return &smithy.GenericAPIError{Code: "AccessDenied", Fault: smithy.FaultClient, Message: fmt.Sprintf(
				"elasticloadbalancing principal does not have permission to invoke %s from target group %s", id, group)}
		}
	}
	return nil
}

func isFunctionARN(s string) bool {
	a, ok := arn.Parse(s)
	return ok && a.Service == "lambda" && strings.HasPrefix(a.Resource, "function:")
}

// functionTarget is a function as a target.
func functionTarget(d types.TargetDescription) (target, error) {
	id := aws.ToString(d.Id)
	if !isFunctionARN(id) {
		return target{}, validation("The target ID '%s' is not a valid Lambda function ARN", id)
	}
	if d.Port != nil {
		return target{}, validation("Port cannot be specified for target groups with target type 'lambda'")
	}
	d.AvailabilityZone = aws.String("all")
	return target{Desc: d, Addr: functionAddr(id)}, nil
}

// functionAddr stands for a function where targets are told apart by their addresses. It
// is in 0.0.0.0/8, where nothing is.
func functionAddr(id string) netip.AddrPort {
	sum := sha256.Sum256([]byte(id))
	return netip.AddrPortFrom(netip.AddrFrom4([4]byte{0, sum[0], sum[1], sum[2]}), max(1, binary.BigEndian.Uint16(sum[3:])))
}

// mayInvoke reports whether the function's policy lets load balancers invoke it for the
// group.
func (s *Service) mayInvoke(function, group string) bool {
	if s.Functions == nil {
		return false
	}
	out, err := s.Functions.GetPolicy(context.Background(), functionPolicy(function))
	if err != nil {
		return false
	}
	var p struct {
		Statement []struct {
			Effect    string
			Principal any
			Action    string
			Condition map[string]map[string]string
		}
	}
	if json.Unmarshal([]byte(aws.ToString(out.Policy)), &p) != nil {
		return false
	}
	for _, st := range p.Statement {
		service, _ := st.Principal.(map[string]any)
		named := st.Principal == "*" || service["Service"] == principal
		does := slices.Contains([]string{"*", "lambda:*", "lambda:InvokeFunction"}, st.Action)
		if st.Effect == "Allow" && named && does && fromGroup(st.Condition, group) {
			return true
		}
	}
	return false
}

// functionPolicy asks for the policy of a function, or of its version or alias.
func functionPolicy(id string) *lambda.GetPolicyInput {
	in := &lambda.GetPolicyInput{FunctionName: &id}
	if parts := strings.Split(id, ":"); len(parts) == 8 {
		in.FunctionName, in.Qualifier = aws.String(strings.Join(parts[:7], ":")), &parts[7]
	}
	return in
}

// fromGroup holds the conditions that AddPermission makes against a target group.
func fromGroup(conditions map[string]map[string]string, group string) bool {
	a, _ := arn.Parse(group)
	for _, c := range conditions {
		for key, want := range c {
			switch strings.ToLower(key) {
			case "aws:sourcearn":
				before, after, wild := strings.Cut(want, "*")
				if want != group && !(wild && len(group) >= len(before)+len(after) && strings.HasPrefix(group, before) && strings.HasSuffix(group, after)) {
					return false
				}
			case "aws:sourceaccount":
				if want != a.Account {
					return false
				}
			}
		}
	}
	return true
}

// checkFunctionGroup wants nothing of a network in a group of functions.
func checkFunctionGroup(g *types.TargetGroup) error {
	for what, given := range map[string]bool{"Protocol": g.Protocol != "", "Port": g.Port != nil, "VPC ID": g.VpcId != nil, "Protocol version": g.ProtocolVersion != nil} {
		if given {
			return validation("%s cannot be specified for target groups with target type 'lambda'", what)
		}
	}
	if g.HealthCheckProtocol != "" || g.HealthCheckPort != nil {
		return validation("Health check protocol and port cannot be specified for target groups with target type 'lambda'")
	}
	return nil
}

// defaultFunctionHealth fills in the health check of a group of functions, which is off
// unless it is asked for.
func defaultFunctionHealth(g *types.TargetGroup) {
	fill(&g.HealthCheckEnabled, false)
	fill(&g.HealthCheckIntervalSeconds, 35)
	fill(&g.HealthCheckTimeoutSeconds, 30)
	fill(&g.HealthyThresholdCount, 5)
	fill(&g.UnhealthyThresholdCount, 2)
	fill(&g.HealthCheckPath, "/")
	fill(&g.Matcher, types.Matcher{HttpCode: aws.String("200")})
}
