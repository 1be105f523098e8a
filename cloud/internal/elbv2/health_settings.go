package elbv2

import (
	"cmp"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/internal/regex"
)

const (
	trafficPort = "traffic-port"
	grpc        = "GRPC"
)

func isHTTP(p types.ProtocolEnum) bool {
	return p == types.ProtocolEnumHttp || p == types.ProtocolEnumHttps
}

// defaultHealth fills in the health check of a target group from its protocols. The API's
// model says 6 seconds of timeout for HTTP groups; the guide, the console and what is
// seen say 5.
func defaultHealth(g *types.TargetGroup) {
	if isFunction(*g) {
		defaultFunctionHealth(g)
		return
	}
	if g.HealthCheckProtocol == "" {
		g.HealthCheckProtocol = types.ProtocolEnumTcp
		if isHTTP(g.Protocol) || g.TargetType == types.TargetTypeEnumAlb {
			g.HealthCheckProtocol = types.ProtocolEnumHttp
		}
	}
	fill(&g.HealthCheckEnabled, true)
	fill(&g.HealthCheckPort, trafficPort)
	fill(&g.HealthCheckIntervalSeconds, 30)
	fill(&g.HealthyThresholdCount, 5)
	fill(&g.UnhealthyThresholdCount, 2)
	fill(&g.HealthCheckTimeoutSeconds, defaultTimeout(g))
	if !isHTTP(g.HealthCheckProtocol) {
		g.HealthCheckPath = nil
		return
	}
	if aws.ToString(g.ProtocolVersion) == grpc {
		fill(&g.HealthCheckPath, "/AWS.ALB/healthcheck")
		fill(&g.Matcher, types.Matcher{GrpcCode: aws.String("12")})
		return
	}
	fill(&g.HealthCheckPath, "/")
	if isHTTP(g.Protocol) {
		fill(&g.Matcher, types.Matcher{HttpCode: aws.String("200")})
	} else {
		fill(&g.Matcher, types.Matcher{HttpCode: aws.String("200-399")})
	}
}

func defaultTimeout(g *types.TargetGroup) int32 {
	switch {
	case isHTTP(g.Protocol):
		return 5
	case isHTTP(g.HealthCheckProtocol):
		return 6
	}
	return 10
}

// fill sets what was not given.
func fill[T any](p **T, v T) {
	if *p == nil {
		*p = &v
	}
}

// checkHealth holds a complete health check against AWS's rules.
func checkHealth(g *types.TargetGroup) error {
	if isFunction(*g) {
		return cmp.Or(checkCounts(g), checkTimeout(g), checkMatcher(g))
	}
	if !isHTTP(g.HealthCheckProtocol) && g.HealthCheckProtocol != types.ProtocolEnumTcp {
		return badConfiguration("Health check protocol '%s' is not supported", g.HealthCheckProtocol)
	}
	if isHTTP(g.Protocol) && g.HealthCheckProtocol == types.ProtocolEnumTcp {
		return badConfiguration("Health check protocol 'TCP' is not supported for target groups with the protocol '%s'", g.Protocol)
	}
	if !*g.HealthCheckEnabled {
		return badConfiguration("Health check enabled must be true for target groups with target type '%s'", g.TargetType)
	}
	if err := cmp.Or(checkCounts(g), checkTimeout(g), checkHealthPort(*g.HealthCheckPort)); err != nil {
		return err
	}
	return checkMatcher(g)
}

func checkCounts(g *types.TargetGroup) error {
	for _, r := range []struct {
		name      string
		value     int32
		low, high int32
	}{
		{"Health check interval", *g.HealthCheckIntervalSeconds, 5, 300},
		{"Health check timeout", *g.HealthCheckTimeoutSeconds, 2, 120},
		{"Healthy threshold count", *g.HealthyThresholdCount, 2, 10},
		{"Unhealthy threshold count", *g.UnhealthyThresholdCount, 2, 10},
	} {
		if r.value < r.low || r.value > r.high {
			return validation("%s '%d' must be between '%d' and '%d' inclusive", r.name, r.value, r.low, r.high)
		}
	}
	return nil
}

// checkTimeout knows that only HTTP groups need a pause between two checks.
func checkTimeout(g *types.TargetGroup) error {
	timeout, interval := *g.HealthCheckTimeoutSeconds, *g.HealthCheckIntervalSeconds
	switch {
	case (isHTTP(g.Protocol) || isFunction(*g)) && timeout >= interval:
		return validation("Health check interval must be greater than the timeout.")
	case timeout > interval:
		return validation("Health check timeout '%d' must be smaller than or equal to the interval '%d'", timeout, interval)
	}
	return nil
}

func checkHealthPort(p string) error {
	if p == trafficPort {
		return nil
	}
	if n, err := strconv.Atoi(p); err != nil || n < 1 || n > 65535 {
		return validation("Health check port '%s' must be '%s' or a port number", p, trafficPort)
	}
	return nil
}

var codes = regex.New(`^\d+(-\d+)?(,\d+(-\d+)?)*$`)

func checkMatcher(g *types.TargetGroup) error {
	switch {
	case g.Matcher == nil:
		return nil
	case !isHTTP(g.HealthCheckProtocol) && !isFunction(*g):
		return badConfiguration("Custom health check matchers are not supported for health checks for target groups with the %s protocol", g.Protocol)
	}
	if path := aws.ToString(g.HealthCheckPath); !strings.HasPrefix(path, "/") {
		return validation("Health check path '%s' must begin with a '/' character", path)
	}
	if aws.ToString(g.ProtocolVersion) == grpc {
		return checkCodes("gRPC", aws.ToString(g.Matcher.GrpcCode), 0, 99)
	}
	high := 499
	if !isHTTP(g.Protocol) && !isFunction(*g) {
		high = 599
	}
	return checkCodes("HTTP", aws.ToString(g.Matcher.HttpCode), 200, high)
}

func checkCodes(what, list string, low, high int) error {
	bad := validation("Health check matcher %s code '%s' must be within '%d-%d' inclusive", what, list, low, high)
	if !codes.MatchString(list) {
		return bad
	}
	for _, part := range strings.Split(list, ",") {
		from, to, ranged := strings.Cut(part, "-")
		if !ranged {
			to = from
		}
		if a, b := number(from), number(to); a < low || b > high || a > b {
			return bad
		}
	}
	return nil
}
