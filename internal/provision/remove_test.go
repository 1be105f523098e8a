package provision

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
	"github.com/turnoutdev/turnout/internal/fault"
)

// While something stays, what it uses stays, wherever the two stand in the list.
func TestWhatIsUsedStays(t *testing.T) {
	items := func(kept string) []Item {
		var out []Item
		for _, kind := range []string{"deployment group", "application", "service", "listener", "load balancer", "target group", "cluster", "log group", "role"} {
			i := Item{Kind: kind, Name: "x"}
			if kind == kept {
				i.Kept = foreign
			}
			out = append(out, i)
		}
		return out
	}
	for kept, want := range map[string]string{
		"":                 "",
		"service":          "deployment group application service listener load balancer target group cluster log group role",
		"listener":         "listener load balancer target group",
		"deployment group": "deployment group application role",
		"role":             "role",
		"target group":     "target group",
	} {
		all := items(kept)
		together(all)
		var got []string
		for _, i := range all {
			if i.Kept != "" {
				got = append(got, i.Kind)
			}
		}
		if s := strings.Join(got, " "); s != want {
			t.Errorf("with the %s these stay: %s, want %s", kept, s, want)
		}
	}
}

func TestRemovalGoesInOrderAndLeavesWhatIsKept(t *testing.T) {
	p, _, told := newProvisioner(t)
	gone := ""
	remove := func(name string, err error) func(context.Context) error {
		return func(context.Context) error { gone += name; return err }
	}
	all := []Item{{Kind: "service", Name: "a", remove: remove("a", nil)}, {Kind: "cluster", Name: "b", Kept: foreign, remove: remove("b", nil)}, {Kind: "role", Name: "c", remove: remove("c", errors.New("in use"))}, {Kind: "role", Name: "d", remove: remove("d", nil)}}
	err := p.Remove(t.Context(), all)
	if gone != "ac" || err == nil || err.Error() != "delete role c: in use" || fault.Hint(err) == "" || !slices.Equal(*told, []string{"service a false"}) {
		t.Errorf("%s, %v, %q", gone, err, *told)
	}
}

func TestRolesThatOthersUse(t *testing.T) {
	for name, c := range map[string]struct {
		families []string
		roles    map[string]string
		want     string
	}{
		"nobody":              {[]string{"web", "api"}, map[string]string{"web": "exec"}, ""},
		"a task's own":        {[]string{"web", "api"}, map[string]string{"api": "exec"}, "task definition api"},
		"on a further page":   {[]string{"a", "b", "c", "api"}, map[string]string{"api": "exec"}, "task definition api"},
		"the family's others": {[]string{"web"}, map[string]string{"web": "exec"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			p, _, _ := newProvisioner(t, awstest.On(func(in *ecs.ListTaskDefinitionFamiliesInput) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
				at, _ := strconv.Atoi(aws.ToString(in.NextToken))
				end := min(at+2, len(c.families))
				out := &ecs.ListTaskDefinitionFamiliesOutput{Families: c.families[at:end]}
				if end < len(c.families) {
					out.NextToken = aws.String(strconv.Itoa(end))
				}
				return out, nil
			}), awstest.On(func(in *ecs.DescribeTaskDefinitionInput) (*ecs.DescribeTaskDefinitionOutput, error) {
				role := c.roles[*in.TaskDefinition]
				return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &ecstypes.TaskDefinition{TaskRoleArn: &role}}, nil
			}))
			if got, err := p.user(t.Context(), role{service: tasks}, "exec"); got != c.want || err != nil {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// What is gone when its turn comes is no error.
func TestARoleThatIsGone(t *testing.T) {
	p, _, _ := newProvisioner(t, awstest.Refused[iam.ListAttachedRolePoliciesInput, iam.ListAttachedRolePoliciesOutput](&iamtypes.NoSuchEntityException{}))
	if err := p.removeRole(t.Context(), "exec"); err != nil {
		t.Error(err)
	}
}

func TestARoleIsStrippedFirst(t *testing.T) {
	p, cloud, _ := newProvisioner(t,
		awstest.Always[iam.ListAttachedRolePoliciesInput](&iam.ListAttachedRolePoliciesOutput{AttachedPolicies: []iamtypes.AttachedPolicy{{PolicyArn: aws.String("p")}}}),
		awstest.Always[iam.DetachRolePolicyInput](&iam.DetachRolePolicyOutput{}),
		awstest.Always[iam.ListRolePoliciesInput](&iam.ListRolePoliciesOutput{PolicyNames: []string{"turnout"}}),
		awstest.Always[iam.DeleteRolePolicyInput](&iam.DeleteRolePolicyOutput{}),
		awstest.Always[iam.DeleteRoleInput](&iam.DeleteRoleOutput{}))
	want := []string{"ListAttachedRolePolicies", "DetachRolePolicy", "ListRolePolicies", "DeleteRolePolicy", "DeleteRole"}
	if err := p.removeRole(t.Context(), "exec"); err != nil || !slices.Equal(cloud.Calls(), want) {
		t.Errorf("%v, %v", cloud.Calls(), err)
	}
}

// All services of a cluster count, however many pages of ten they are.
func TestAClusterThatOthersUse(t *testing.T) {
	for others, want := range map[int]string{0: "", 1: "1 other services run in it", 25: "25 other services run in it"} {
		all := []string{"arn:…:service/shop/web"}
		for n := range others {
			all = append(all, fmt.Sprintf("arn:…:service/shop/other-%d", n))
		}
		p, _, _ := newProvisioner(t,
			awstest.Always[ecs.DescribeClustersInput](&ecs.DescribeClustersOutput{Clusters: []ecstypes.Cluster{{Status: aws.String("ACTIVE"), Tags: []ecstypes.Tag{{Key: aws.String(ownerTag), Value: aws.String("shop/web")}}}}}),
			awstest.On(func(in *ecs.ListServicesInput) (*ecs.ListServicesOutput, error) {
				at, _ := strconv.Atoi(aws.ToString(in.NextToken))
				end := min(at+10, len(all))
				out := &ecs.ListServicesOutput{ServiceArns: slices.Clone(all[at:end])}
				if end < len(all) {
					out.NextToken = aws.String(strconv.Itoa(end))
				}
				return out, nil
			}))
		if got, err := p.findCluster(t.Context()); err != nil || len(got) != 1 || got[0].Kept != want {
			t.Errorf("%+v, %v; want %q", got, err, want)
		}
	}
}

// Nothing is deleted under a deployment that goes on.
func TestAnActiveDeploymentHoldsItAll(t *testing.T) {
	for status, active := range map[cdtypes.DeploymentStatus]bool{cdtypes.DeploymentStatusInProgress: true, cdtypes.DeploymentStatusReady: true, cdtypes.DeploymentStatusStopped: false} {
		p, cloud, _ := newProvisioner(t, awstest.Always[codedeploy.GetDeploymentGroupInput](&codedeploy.GetDeploymentGroupOutput{
			DeploymentGroupInfo: &cdtypes.DeploymentGroupInfo{LastAttemptedDeployment: &cdtypes.LastDeploymentInfo{DeploymentId: aws.String("d-1"), Status: status}},
		}), awstest.Always[codedeploy.ListTagsForResourceInput](&codedeploy.ListTagsForResourceOutput{}))
		p.identity = "arn:aws-cn:iam::1:user/ann"
		items, err := p.findGroup(t.Context())
		if (err != nil) != active || !active && items[0].Kept != foreign || cloud.Count("DeleteDeploymentGroup") > 0 {
			t.Errorf("%s: %+v, %v", status, items, err)
		}
	}
}

// A load balancer stays with a listener, and a listener with a rule, of somebody else's.
func TestAListenerOfSomebodyElses(t *testing.T) {
	ours := []elbtypes.Tag{{Key: aws.String(ownerTag), Value: aws.String("shop/web")}}
	for name, c := range map[string]struct {
		ports []int32
		rule  string // where the listener's rule leads
		want  []string
	}{
		"all ours":         {[]int32{80, 81}, "arn of web-green", []string{"", "", ""}},
		"another port":     {[]int32{80, 8080}, "arn of web-blue", []string{"", "1 of its listeners stay"}},
		"another's target": {[]int32{80}, "arn of another", []string{"its rule 5 leads to another target group", "1 of its listeners stay"}},
	} {
		t.Run(name, func(t *testing.T) {
			var listeners []elbtypes.Listener
			for _, port := range c.ports {
				listeners = append(listeners, elbtypes.Listener{ListenerArn: aws.String("l"), Port: &port})
			}
			p, _, _ := newProvisioner(t,
				awstest.Always[elb.DescribeLoadBalancersInput](&elb.DescribeLoadBalancersOutput{LoadBalancers: []elbtypes.LoadBalancer{{LoadBalancerArn: aws.String("lb")}}}),
				awstest.Always[elb.DescribeListenersInput](&elb.DescribeListenersOutput{Listeners: listeners}),
				awstest.Always[elb.DescribeTagsInput](&elb.DescribeTagsOutput{TagDescriptions: []elbtypes.TagDescription{{Tags: ours}}}),
				awstest.Always[elb.DescribeRulesInput](&elb.DescribeRulesOutput{Rules: []elbtypes.Rule{{Priority: aws.String("5"), Actions: []elbtypes.Action{{TargetGroupArn: &c.rule}}}}}),
				awstest.On(func(in *elb.DescribeTargetGroupsInput) (*elb.DescribeTargetGroupsOutput, error) {
					return &elb.DescribeTargetGroupsOutput{TargetGroups: []elbtypes.TargetGroup{{TargetGroupArn: aws.String("arn of " + in.Names[0])}}}, nil
				}))
			items, err := p.findBalancer(t.Context())
			var got []string
			for _, i := range items {
				got = append(got, i.Kept)
			}
			if err != nil || !slices.Equal(got, c.want) {
				t.Errorf("%q, %v; want %q", got, err, c.want)
			}
		})
	}
}

// A target group whose listener was deleted a moment ago counts as used for a while.
func TestATargetGroupThatIsStillInUse(t *testing.T) {
	for refusals, fails := range map[int]bool{0: false, 5: false, 99: true} {
		synctest.Test(t, func(t *testing.T) {
			p, cloud, _ := newProvisioner(t)
			cloud.Set(awstest.On(func(*elb.DeleteTargetGroupInput) (*elb.DeleteTargetGroupOutput, error) {
				if cloud.Count("DeleteTargetGroup") <= refusals {
					return nil, &elbtypes.ResourceInUseException{}
				}
				return &elb.DeleteTargetGroupOutput{}, nil
			}))
			if err := p.removeGroup(t.Context(), "g"); (err != nil) != fails {
				t.Errorf("after %d refusals: %v", refusals, err)
			}
		})
	}
}

func TestTheLastTaskOfAServiceIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		status := "ACTIVE"
		p, cloud, _ := newProvisioner(t,
			awstest.On(func(*ecs.DescribeServicesInput) (*ecs.DescribeServicesOutput, error) {
				now := status
				if now == "DRAINING" && time.Since(began) > time.Minute {
					now = "INACTIVE"
				}
				return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{{Status: &now}}}, nil
			}),
			awstest.Always[ecs.UpdateServiceInput](&ecs.UpdateServiceOutput{}),
			awstest.On(func(*ecs.DeleteServiceInput) (*ecs.DeleteServiceOutput, error) {
				status = "DRAINING"
				return &ecs.DeleteServiceOutput{}, nil
			}),
			awstest.On(func(*ecs.ListTasksInput) (*ecs.ListTasksOutput, error) {
				if time.Since(began) > 2*time.Minute {
					return nil, &ecstypes.ServiceNotFoundException{}
				}
				return &ecs.ListTasksOutput{TaskArns: []string{"one"}}, nil
			}))
		if err := p.removeService(t.Context()); err != nil || time.Since(began) < 2*time.Minute || cloud.Count("DeleteService") != 1 {
			t.Errorf("%v after %s", err, time.Since(began))
		}
		if err := p.removeService(t.Context()); err != nil || cloud.Count("DeleteService") != 1 { // once more, for nothing
			t.Error(err)
		}
	})
}

func TestRevisionsAreDeletedTenAtATime(t *testing.T) {
	var arns []string
	for n := range 25 {
		arns = append(arns, fmt.Sprintf("web:%d", n))
	}
	p, cloud, _ := newProvisioner(t, awstest.Always[ecs.DeregisterTaskDefinitionInput](&ecs.DeregisterTaskDefinitionOutput{}),
		awstest.On(func(in *ecs.DeleteTaskDefinitionsInput) (*ecs.DeleteTaskDefinitionsOutput, error) {
			if len(in.TaskDefinitions) > 10 {
				return nil, &ecstypes.InvalidParameterException{}
			}
			return &ecs.DeleteTaskDefinitionsOutput{}, nil
		}))
	if err := p.removeDefinitions(t.Context(), arns); err != nil || cloud.Count("DeregisterTaskDefinition") != 25 || cloud.Count("DeleteTaskDefinitions") != 3 {
		t.Error(err)
	}
	cloud.Set(awstest.Always[ecs.DeleteTaskDefinitionsInput](&ecs.DeleteTaskDefinitionsOutput{Failures: []ecstypes.Failure{{Arn: aws.String("web:1"), Reason: aws.String("still in use")}}}))
	if err := p.removeDefinitions(t.Context(), arns); err == nil || err.Error() != "web:1: still in use" {
		t.Error(err)
	}
}

func TestCounted(t *testing.T) {
	for n, want := range map[int]string{0: "0 images", 1: "1 image", 2: "2 images"} {
		if got := counted(n, "image"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
