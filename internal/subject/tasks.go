package subject

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/fault"
)

// idLength is that of a task's whole id.
const idLength = 32

// Tasks completes the names of tasks: ARNs and whole ids stay as they are, the first part
// of an id is looked up among the service's tasks, where it must be unambiguous.
func (s *Subject) Tasks(ctx context.Context, names []string) ([]string, error) {
	var out, all []string
	for _, n := range names {
		if strings.HasPrefix(n, "arn:") || len(n) >= idLength {
			out = append(out, Last(n))
			continue
		}
		if all == nil {
			var err error
			if all, err = s.list(ctx); err != nil {
				return nil, err
			}
		}
		var found []string
		for _, id := range all {
			if n != "" && strings.HasPrefix(id, n) {
				found = append(found, id)
			}
		}
		switch len(found) {
		case 1:
			out = append(out, found[0])
		case 0:
			return nil, fault.New(fault.Usage, "its whole id reads a task that ECS has forgotten; `turnout status` counts those that run", "no task of service %s begins with %q", s.Service, n)
		default:
			return nil, fault.New(fault.Usage, "one of "+strings.Join(found, ", "), "%d tasks of service %s begin with %q", len(found), s.Service, n)
		}
	}
	return out, nil
}

// list are the ids of the service's tasks, running and stopped.
func (s *Subject) list(ctx context.Context) ([]string, error) {
	out := []string{}
	for _, status := range []ecstypes.DesiredStatus{ecstypes.DesiredStatusRunning, ecstypes.DesiredStatusStopped} {
		pages := ecs.NewListTasksPaginator(s.AWS.ECS(), &ecs.ListTasksInput{Cluster: &s.Cluster, ServiceName: &s.Service, DesiredStatus: status})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, err
			}
			for _, arn := range page.TaskArns {
				out = append(out, Last(arn))
			}
		}
	}
	return out, nil
}
