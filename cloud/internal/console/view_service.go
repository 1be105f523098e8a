package console

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// serviceView is the page of one service.
type serviceView struct {
	serviceRow
	Created     *time.Time      `json:"created"`
	Groups      []group         `json:"groups"`
	Tasks       []task          `json:"tasks"`
	Events      []event         `json:"events"`
	Revision    *revision       `json:"revision"` // that of the primary set
	Deployments []deploymentRow `json:"deployments"`
}

// event is a message of a service.
type event struct {
	At      time.Time `json:"at"`
	Message string    `json:"message"`
}

// revision is a task definition without the values of its environment.
type revision struct {
	Name       string       `json:"name"`
	CPU        string       `json:"cpu"`
	Memory     string       `json:"memory"`
	Containers []definition `json:"containers"`
}

type definition struct {
	Name    string   `json:"name"`
	Image   string   `json:"image"`
	Ports   []int32  `json:"ports"`
	Env     []string `json:"env"`     // names
	Secrets []string `json:"secrets"` // names
}

func (c *Console) service(r *http.Request) (any, error) {
	ctx, cluster, name := r.Context(), r.PathValue("cluster"), named(r, "service")
	got, err := c.Services.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{name}})
	if err != nil {
		return nil, err
	}
	if len(got.Services) == 0 {
		return nil, absent("service", name)
	}
	n, err := c.survey(ctx)
	if err != nil {
		return nil, err
	}
	s := got.Services[0]
	out := &serviceView{serviceRow: row(s, n), Created: s.CreatedAt, Groups: []group{}, Events: events(s, time.Time{})}
	behind := map[string]bool{}
	for _, f := range out.Fronts {
		for _, w := range f.Weights {
			behind[w.Group] = true
		}
	}
	out.Groups = slices.DeleteFunc(slices.Clone(n.Groups), func(g group) bool { return !behind[g.Name] })
	if out.Tasks, err = c.inspect(ctx, cluster, name, n); err != nil {
		return nil, err
	}
	out.Revision = c.primary(ctx, s)
	rows, err := c.newest(ctx, manyDeployments)
	if err != nil {
		return nil, err
	}
	out.underWay(rows)
	out.Deployments = c.of(ctx, rows, out.Cluster+":"+out.Name)
	return out, nil
}

const fewEvents = 30

// events are a service's messages since a time, newest first.
func events(s types.Service, since time.Time) []event {
	out := []event{}
	for _, e := range s.Events {
		if at := aws.ToTime(e.CreatedAt); !at.Before(since) && len(out) < fewEvents {
			out = append(out, event{at, aws.ToString(e.Message)})
		}
	}
	return out
}

// primary is the revision that a service is meant to run, nil if it cannot be told.
func (c *Console) primary(ctx context.Context, s types.Service) *revision {
	arn := s.TaskDefinition
	for _, x := range s.TaskSets {
		if aws.ToString(x.Status) == "PRIMARY" {
			arn = x.TaskDefinition
		}
	}
	if arn == nil {
		return nil
	}
	d, err := c.define(ctx, definitions{}, *arn)
	if err != nil {
		return nil
	}
	out := &revision{Name: tail(*arn), CPU: aws.ToString(d.Cpu), Memory: aws.ToString(d.Memory), Containers: []definition{}}
	for _, k := range d.ContainerDefinitions {
		one := definition{Name: aws.ToString(k.Name), Image: aws.ToString(k.Image), Ports: []int32{}, Env: []string{}, Secrets: []string{}}
		for _, p := range k.PortMappings {
			one.Ports = append(one.Ports, aws.ToInt32(p.ContainerPort))
		}
		for _, e := range k.Environment {
			one.Env = append(one.Env, aws.ToString(e.Name))
		}
		for _, e := range k.Secrets {
			one.Secrets = append(one.Secrets, aws.ToString(e.Name))
		}
		out.Containers = append(out.Containers, one)
	}
	return out
}
