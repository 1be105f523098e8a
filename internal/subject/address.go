package subject

import (
	"context"
	"net"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/internal/fault"
)

// addressTag is the tag in which the local cloud tells where a listener really listens.
const addressTag = "aws:turnout:address"

// Address is where a listener is reached.
type Address struct {
	Scheme string // http or https
	Name   string // of the load balancer, with the port where it is not the scheme's own
	Dial   string // host:port
}

// Address finds the production listener or the test listener.
func (s *Subject) Address(ctx context.Context, test bool) (Address, error) {
	routes, err := s.Routes(ctx)
	if err != nil {
		return Address{}, err
	}
	for _, r := range routes {
		if r.Test == test {
			return s.address(ctx, r.Listener)
		}
	}
	kind, hint := "production", "name the address with --url"
	if test {
		kind, hint = "test", "give the deployment group a test listener, or name the address with --url"
	}
	return Address{}, fault.New(fault.Usage, hint, "service %s has no %s listener", s.Service, kind)
}

func (s *Subject) address(ctx context.Context, arn string) (Address, error) {
	l, err := s.AWS.ELB().DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: []string{arn}})
	if err != nil {
		return Address{}, err
	}
	if len(l.Listeners) == 0 {
		return Address{}, fault.New(fault.Usage, "name the address with --url", "listener %s is gone", arn)
	}
	b, err := s.AWS.ELB().DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{aws.ToString(l.Listeners[0].LoadBalancerArn)}})
	if err != nil {
		return Address{}, err
	}
	host, port := aws.ToString(b.LoadBalancers[0].DNSName), strconv.Itoa(int(aws.ToInt32(l.Listeners[0].Port)))
	a := Address{Scheme: "http", Name: host, Dial: net.JoinHostPort(host, port)}
	usual := "80"
	if p := l.Listeners[0].Protocol; p == elbtypes.ProtocolEnumHttps || p == elbtypes.ProtocolEnumTls {
		a.Scheme, usual = "https", "443"
	}
	if port != usual {
		a.Name = a.Dial
	}
	if !s.AWS.Local {
		return a, nil
	}
	t, err := s.AWS.ELB().DescribeTags(ctx, &elb.DescribeTagsInput{ResourceArns: []string{arn}})
	if err != nil {
		return a, err
	}
	for _, d := range t.TagDescriptions {
		for _, tag := range d.Tags {
			if aws.ToString(tag.Key) == addressTag {
				a.Dial = aws.ToString(tag.Value)
				a.Name = strings.TrimSuffix(a.Dial, ":"+usual)
			}
		}
	}
	return a, nil
}
