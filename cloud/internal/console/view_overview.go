package console

import (
	"cmp"
	"context"
	"net/http"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// overviewView is the first page.
type overviewView struct {
	Services    []serviceRow    `json:"services"`
	Groups      []group         `json:"groups"`
	Deployments []deploymentRow `json:"deployments"` // the newest few
	Alarms      []alarm         `json:"alarms"`      // those that are not well
}

// serviceRow is a service in short.
type serviceRow struct {
	Cluster    string   `json:"cluster"`
	Name       string   `json:"name"`
	Status     string   `json:"status"`
	Controller string   `json:"controller"`
	Desired    int32    `json:"desired"`
	Running    int32    `json:"running"`
	Pending    int32    `json:"pending"`
	Sets       []setRow `json:"sets"`
	Fronts     []front  `json:"fronts"`
	Deployment string   `json:"deployment"` // that is under way, "" for none
}

// setRow is a task set, or a deployment of a service with the ECS controller.
type setRow struct {
	ID        string `json:"id"`
	Status    string `json:"status"`
	Revision  string `json:"revision"`
	Desired   int32  `json:"desired"`
	Running   int32  `json:"running"`
	Pending   int32  `json:"pending"`
	Stability string `json:"stability"`
	Group     string `json:"group"`
	by        string // the deployment that made it
}

const fewDeployments = 8 // on the first page

func (c *Console) overview(r *http.Request) (any, error) {
	ctx := r.Context()
	n, err := c.survey(ctx)
	if err != nil {
		return nil, err
	}
	out := &overviewView{Groups: n.Groups}
	if out.Services, err = c.allServices(ctx, n); err != nil {
		return nil, err
	}
	rows, err := c.newest(ctx, fewDeployments)
	if err != nil {
		return nil, err
	}
	out.Deployments = rows
	for i := range out.Services {
		out.Services[i].underWay(rows)
	}
	alarms, err := c.allAlarms(ctx)
	out.Alarms = slices.DeleteFunc(alarms, func(a alarm) bool { return a.State != "ALARM" })
	return out, err
}

// underWay notes the deployment that made one of the service's sets and has not ended.
func (s *serviceRow) underWay(rows []deploymentRow) {
	for _, d := range rows {
		for _, x := range s.Sets {
			if d.ID == x.by && !d.over() {
				s.Deployment = d.ID
			}
		}
	}
}

// allServices reads all services of all clusters.
func (c *Console) allServices(ctx context.Context, n *network) ([]serviceRow, error) {
	clusters, err := pages(func(token *string) ([]string, *string, error) {
		out, err := c.Services.ListClusters(ctx, &ecs.ListClustersInput{NextToken: token})
		if err != nil {
			return nil, nil, err
		}
		return out.ClusterArns, out.NextToken, nil
	})
	if err != nil {
		return nil, err
	}
	rows := []serviceRow{}
	for _, cluster := range clusters {
		arns, err := pages(func(token *string) ([]string, *string, error) {
			out, err := c.Services.ListServices(ctx, &ecs.ListServicesInput{Cluster: &cluster, NextToken: token, MaxResults: aws.Int32(10)})
			if err != nil {
				return nil, nil, err
			}
			return out.ServiceArns, out.NextToken, nil
		})
		if err != nil {
			return nil, err
		}
		for some := range slices.Chunk(arns, 10) {
			out, err := c.Services.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: some})
			if err != nil {
				return nil, err
			}
			for _, s := range out.Services {
				rows = append(rows, row(s, n))
			}
		}
	}
	slices.SortFunc(rows, func(a, b serviceRow) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Name, b.Name))
	})
	return rows, nil
}

// row puts a service in short.
func row(s types.Service, n *network) serviceRow {
	out := serviceRow{
		Cluster: tail(aws.ToString(s.ClusterArn)), Name: aws.ToString(s.ServiceName), Status: aws.ToString(s.Status), Controller: string(types.DeploymentControllerTypeEcs),
		Desired: s.DesiredCount, Running: s.RunningCount, Pending: s.PendingCount, Sets: []setRow{},
	}
	if s.DeploymentController != nil {
		out.Controller = string(s.DeploymentController.Type)
	}
	groups := map[string]bool{}
	note := func(all []types.LoadBalancer) (name string) {
		for _, b := range all {
			name = part(aws.ToString(b.TargetGroupArn), "/", 1)
			groups[name] = true
		}
		return name
	}
	common := note(s.LoadBalancers)
	for _, x := range s.TaskSets {
		out.Sets = append(out.Sets, setRow{
			ID: aws.ToString(x.Id), Status: aws.ToString(x.Status), Revision: tail(aws.ToString(x.TaskDefinition)), Desired: x.ComputedDesiredCount,
			Running: x.RunningCount, Pending: x.PendingCount, Stability: string(x.StabilityStatus), Group: note(x.LoadBalancers), by: aws.ToString(x.ExternalId),
		})
	}
	for _, d := range s.Deployments {
		out.Sets = append(out.Sets, setRow{
			ID: aws.ToString(d.Id), Status: aws.ToString(d.Status), Revision: tail(aws.ToString(d.TaskDefinition)), Desired: d.DesiredCount,
			Running: d.RunningCount, Pending: d.PendingCount, Stability: string(d.RolloutState), Group: common,
		})
	}
	out.Fronts = n.fronts(groups)
	return out
}
