// Package verify is the stage that makes sure, after the shift, that the new revision is
// the service's primary one, and that the service answers if a path is configured.
package verify

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"

	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
)

// Stage verifies the result.
type Stage struct{}

func (Stage) String() string { return "verify" }

// Run holds the service against the facts and probes it.
func (Stage) Run(ctx context.Context, r *run.Run) (string, error) {
	if err := primary(ctx, r); err != nil {
		return "", err
	}
	v := r.Config.Verify
	if v.Path == "" && v.URL == "" {
		return "the primary task set runs " + short(r.Facts.TaskDefinition), nil
	}
	url, err := address(ctx, r)
	if err != nil {
		return "", err
	}
	r.Facts.URL = url
	if err := probe(ctx, url, v.Status); err != nil {
		return "", fault.New(fault.Failed, "traffic has already moved; `turnout rollback` takes it back", "%w", err)
	}
	return fmt.Sprintf("%s answers %d", url, v.Status), nil
}

func short(arn string) string { return arn[strings.LastIndexByte(arn, '/')+1:] }

// primary makes sure that what was registered is what serves.
func primary(ctx context.Context, r *run.Run) error {
	out, err := r.AWS.ECS().DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &r.Config.Cluster, Services: []string{r.Config.Service}})
	if err != nil {
		return err
	}
	if len(out.Services) == 0 {
		return fmt.Errorf("service %s is gone from cluster %s", r.Config.Service, r.Config.Cluster)
	}
	for _, s := range out.Services[0].TaskSets {
		if aws.ToString(s.Status) == "PRIMARY" && aws.ToString(s.TaskDefinition) != r.Facts.TaskDefinition {
			return fmt.Errorf("the primary task set runs %s, not %s", short(aws.ToString(s.TaskDefinition)), short(r.Facts.TaskDefinition))
		}
	}
	return nil
}

// address is where the production listener is reached.
func address(ctx context.Context, r *run.Run) (string, error) {
	v := r.Config.Verify
	switch {
	case v.URL != "":
		return v.URL, nil
	case r.Options.URL != "":
		return r.Options.URL + v.Path, nil
	}
	cd := r.Config.CodeDeploy
	g, err := r.AWS.CodeDeploy().GetDeploymentGroup(ctx, &codedeploy.GetDeploymentGroupInput{ApplicationName: &cd.Application, DeploymentGroupName: &cd.Group})
	if err != nil {
		return "", err
	}
	pairs := g.DeploymentGroupInfo.LoadBalancerInfo.TargetGroupPairInfoList
	if len(pairs) == 0 || pairs[0].ProdTrafficRoute == nil {
		return "", fmt.Errorf("deployment group %s has no production listener", cd.Group)
	}
	l, err := r.AWS.ELB().DescribeListeners(ctx, &elb.DescribeListenersInput{ListenerArns: pairs[0].ProdTrafficRoute.ListenerArns})
	if err != nil {
		return "", err
	}
	b, err := r.AWS.ELB().DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{LoadBalancerArns: []string{aws.ToString(l.Listeners[0].LoadBalancerArn)}})
	if err != nil {
		return "", err
	}
	scheme := strings.ToLower(string(l.Listeners[0].Protocol))
	return fmt.Sprintf("%s://%s:%d%s", scheme, aws.ToString(b.LoadBalancers[0].DNSName), aws.ToInt32(l.Listeners[0].Port), v.Path), nil
}

// probe asks once and once more after a moment, so that one lost packet is no failure.
func probe(ctx context.Context, url string, want int) error {
	err := ask(ctx, url, want)
	for try := 0; err != nil && try < 2; try++ {
		select {
		case <-time.After(time.Duration(try+1) * time.Second):
			err = ask(ctx, url, want)
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return err
}

func ask(ctx context.Context, url string, want int) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != want {
		body, _ := io.ReadAll(io.LimitReader(res.Body, 200)) // for the message only
		return fmt.Errorf("%s answered %d, expected %d: %s", url, res.StatusCode, want, strings.TrimSpace(string(body)))
	}
	return nil
}
