package cloud

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
)

// listenerURL finds a listener by its load balancer's name and its declared port.
func (p *parts) listenerURL(name string, port int) (string, error) {
	ctx := context.Background()
	lbs, err := p.elb.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{Names: []string{name}})
	if err != nil {
		return "", err
	}
	ls, err := p.elb.DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: lbs.LoadBalancers[0].LoadBalancerArn})
	if err != nil {
		return "", err
	}
	for _, l := range ls.Listeners {
		if int(aws.ToInt32(l.Port)) != port {
			continue
		}
		at, err := p.balancer.Bound(aws.ToString(l.ListenerArn))
		if !at.IsValid() {
			return "", err
		}
		return strings.ToLower(string(l.Protocol)) + "://" + at.String(), nil
	}
	return "", fmt.Errorf("load balancer %s has no listener on port %d", name, port)
}
