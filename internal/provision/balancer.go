package provision

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/internal/appspec"
	"github.com/turnoutdev/turnout/internal/fault"
)

func (p *Provisioner) targetGroups(ctx context.Context) error {
	spec, err := appspec.Read(p.Config.Path(p.Config.AppSpec))
	if err != nil {
		return err
	}
	for i, name := range p.Config.Infrastructure.TargetGroups {
		if p.groups[i], err = p.targetGroup(ctx, name, spec.Port()); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return nil
}

func (p *Provisioner) targetGroup(ctx context.Context, name string, port int) (string, error) {
	client := p.AWS.ELB()
	found, err := client.DescribeTargetGroups(ctx, &elb.DescribeTargetGroupsInput{Names: []string{name}})
	if err == nil && len(found.TargetGroups) > 0 {
		p.tell("target group", name, false)
		return aws.ToString(found.TargetGroups[0].TargetGroupArn), nil
	}
	var none *types.TargetGroupNotFoundException
	if err != nil && !errors.As(err, &none) {
		return "", err
	}
	if p.vpc == "" && !p.AWS.Local {
		return "", fault.New(fault.Usage, "name the subnets' VPC under infrastructure.vpc", "no VPC is configured for target group %s", name)
	}
	in := p.Config.Infrastructure
	made, err := client.CreateTargetGroup(ctx, &elb.CreateTargetGroupInput{
		Name: &name, Protocol: types.ProtocolEnumHttp, Port: aws.Int32(int32(port)), TargetType: types.TargetTypeEnumIp,
		VpcId:                      aws.String(cmp.Or(p.vpc, "vpc-0123456789abcdef0")),
		HealthCheckPath:            &in.Health.Path,
		HealthCheckIntervalSeconds: seconds(in.Health.Interval), HealthCheckTimeoutSeconds: seconds(in.Health.Timeout),
		HealthyThresholdCount: aws.Int32(int32(in.Health.Healthy)), UnhealthyThresholdCount: aws.Int32(int32(in.Health.Unhealthy)),
		Matcher: &types.Matcher{HttpCode: &in.Health.Matcher}, Tags: p.elbTags(),
	})
	if err != nil {
		return "", err
	}
	arn := aws.ToString(made.TargetGroups[0].TargetGroupArn)
	delay := strconv.Itoa(int(in.DeregistrationDelay / time.Second))
	_, err = client.ModifyTargetGroupAttributes(ctx, &elb.ModifyTargetGroupAttributesInput{
		TargetGroupArn: &arn,
		Attributes:     []types.TargetGroupAttribute{{Key: aws.String("deregistration_delay.timeout_seconds"), Value: &delay}},
	})
	p.tell("target group", name, true)
	return arn, err
}

func seconds(d time.Duration) *int32 { return aws.Int32(int32(d / time.Second)) }

func (p *Provisioner) balancer(ctx context.Context) error {
	name, client := p.Config.Infrastructure.LoadBalancer.Name, p.AWS.ELB()
	found, err := client.DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{Names: []string{name}})
	if err == nil && len(found.LoadBalancers) > 0 {
		p.loadBalancer = aws.ToString(found.LoadBalancers[0].LoadBalancerArn)
		p.tell("load balancer", name, false)
		return nil
	}
	var none *types.LoadBalancerNotFoundException
	if err != nil && !errors.As(err, &none) {
		return err
	}
	made, err := client.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{
		Name: &name, Type: types.LoadBalancerTypeEnumApplication, Subnets: p.subnets, SecurityGroups: p.firewall, Tags: p.elbTags(),
	})
	if err != nil {
		return err
	}
	p.loadBalancer = aws.ToString(made.LoadBalancers[0].LoadBalancerArn)
	p.tell("load balancer", name, true)
	waiter := elb.NewLoadBalancerAvailableWaiter(client, func(o *elb.LoadBalancerAvailableWaiterOptions) {
		o.MinDelay, o.MaxDelay = 100*time.Millisecond, 5*time.Second
	})
	return waiter.Wait(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{p.loadBalancer}}, 10*time.Minute)
}

func (p *Provisioner) listeners(ctx context.Context) error {
	lb := p.Config.Infrastructure.LoadBalancer
	have := map[int]string{}
	out, err := p.AWS.ELB().DescribeListeners(ctx, &elb.DescribeListenersInput{LoadBalancerArn: &p.loadBalancer})
	if err != nil {
		return err
	}
	for _, l := range out.Listeners {
		have[int(aws.ToInt32(l.Port))] = aws.ToString(l.ListenerArn)
	}
	if p.listener, err = p.listen(ctx, have, lb.Port); err != nil || lb.TestPort == 0 {
		return err
	}
	p.testListener, err = p.listen(ctx, have, lb.TestPort)
	return err
}

// listen finds or makes the listener of a port. A new one forwards to the first group,
// with the second one beside it at weight 0: a group that no listener names has its
// targets unchecked, and the first all-at-once deployment would shift traffic to tasks
// that nobody has asked whether they are well.
func (p *Provisioner) listen(ctx context.Context, have map[int]string, port int) (string, error) {
	name := fmt.Sprintf("%s:%d", p.Config.Infrastructure.LoadBalancer.Name, port)
	if arn := have[port]; arn != "" {
		p.tell("listener", name, false)
		return arn, nil
	}
	made, err := p.AWS.ELB().CreateListener(ctx, &elb.CreateListenerInput{
		LoadBalancerArn: &p.loadBalancer, Port: aws.Int32(int32(port)), Protocol: types.ProtocolEnumHttp, Tags: p.elbTags(),
		DefaultActions: []types.Action{{Type: types.ActionTypeEnumForward, ForwardConfig: &types.ForwardActionConfig{TargetGroups: []types.TargetGroupTuple{
			{TargetGroupArn: &p.groups[0], Weight: aws.Int32(100)}, {TargetGroupArn: &p.groups[1], Weight: aws.Int32(0)},
		}}}},
	})
	if err != nil {
		return "", err
	}
	p.tell("listener", name, true)
	return aws.ToString(made.Listeners[0].ListenerArn), nil
}
