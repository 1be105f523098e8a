package history

import (
	"context"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/subject"
)

// Entry is one deployment. Fields that its controller does not tell are zero.
type Entry struct {
	ID           string        `json:"id"`     // d-… of CodeDeploy, the service deployment's of ECS
	Status       string        `json:"status"` // as the controller calls it
	Revision     string        `json:"taskDefinition,omitempty"`
	Images       []Image       `json:"images,omitempty"`
	Creator      string        `json:"creator,omitempty"` // user, autoscaling, codeDeployRollback
	RegisteredBy string        `json:"registeredBy,omitempty"`
	Config       string        `json:"config,omitempty"`
	Description  string        `json:"description,omitempty"`
	Created      time.Time     `json:"created"`
	Completed    time.Time     `json:"completed,omitzero"`
	Took         time.Duration `json:"took,omitempty"`         // nanoseconds, from creation to the end
	RolledBackBy string        `json:"rolledBackBy,omitempty"` // the deployment, or the revision, that took it back
	TakesBack    string        `json:"takesBack,omitempty"`    // the deployment that this one takes back
	Error        string        `json:"error,omitempty"`
}

// Image is what a container of the revision runs.
type Image struct {
	Container string `json:"container"`
	Image     string `json:"image"`
}

// Reader reads a service's history.
type Reader struct {
	Subject *subject.Subject
	Limit   int // how many deployments
	known   map[string]definition
}

// definition is what is told of a revision.
type definition struct {
	images []Image
	by     string
}

// Read gives the deployments, newest first.
func (r *Reader) Read(ctx context.Context) ([]Entry, error) {
	r.known = map[string]definition{}
	var all []Entry
	var err error
	if r.Subject.Rolling() {
		all, err = r.rolling(ctx)
	} else {
		if err := r.Subject.NeedGroup(); err != nil {
			return nil, err
		}
		all, err = r.codeDeploy(ctx)
	}
	if err != nil {
		return nil, err
	}
	for i := range all {
		if err := r.describe(ctx, &all[i]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// describe adds what a revision's task definition says. One that was deleted says nothing.
func (r *Reader) describe(ctx context.Context, e *Entry) error {
	if e.Revision == "" {
		return nil
	}
	d, ok := r.known[e.Revision]
	if !ok {
		out, err := r.Subject.AWS.ECS().DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &e.Revision})
		switch {
		case gone(err):
		case err != nil:
			return err
		default:
			d.by = aws.ToString(out.TaskDefinition.RegisteredBy)
			for _, c := range out.TaskDefinition.ContainerDefinitions {
				d.images = append(d.images, Image{aws.ToString(c.Name), aws.ToString(c.Image)})
			}
		}
		r.known[e.Revision] = d
	}
	e.RegisteredBy = d.by
	if e.Images == nil {
		e.Images = d.images
	}
	return nil
}

// rolling reads the deployments of a service with the ECS controller.
func (r *Reader) rolling(ctx context.Context) ([]Entry, error) {
	client := r.Subject.AWS.ECS()
	var arns []string
	in := &ecs.ListServiceDeploymentsInput{Cluster: &r.Subject.Cluster, Service: &r.Subject.Service}
	for len(arns) < r.Limit {
		page, err := client.ListServiceDeployments(ctx, in)
		if err != nil {
			return nil, err
		}
		for _, d := range page.ServiceDeployments {
			arns = append(arns, aws.ToString(d.ServiceDeploymentArn))
		}
		if in.NextToken = page.NextToken; in.NextToken == nil {
			break
		}
	}
	out := []Entry{}
	arns = arns[:min(len(arns), r.Limit)]
	for len(arns) > 0 {
		n := min(len(arns), described)
		got, err := client.DescribeServiceDeployments(ctx, &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: arns[:n]})
		if err != nil {
			return nil, err
		}
		entries, err := r.entries(ctx, arns[:n], got.ServiceDeployments)
		if err != nil {
			return nil, err
		}
		out, arns = append(out, entries...), arns[n:]
	}
	return out, nil
}

// described is how many service deployments or revisions one call describes.
const described = 20

// entries makes entries in the order of arns.
func (r *Reader) entries(ctx context.Context, arns []string, all []types.ServiceDeployment) ([]Entry, error) {
	by := map[string]types.ServiceDeployment{}
	var targets []string
	for _, d := range all {
		by[aws.ToString(d.ServiceDeploymentArn)] = d
		if d.TargetServiceRevision != nil {
			targets = append(targets, aws.ToString(d.TargetServiceRevision.Arn))
		}
	}
	revisions, err := r.revisions(ctx, targets)
	if err != nil {
		return nil, err
	}
	var out []Entry
	for _, arn := range arns {
		d, ok := by[arn]
		if !ok {
			continue
		}
		e := Entry{ID: subject.Last(arn), Status: string(d.Status), Created: aws.ToTime(d.CreatedAt), Completed: aws.ToTime(d.FinishedAt)}
		if e.Completed.IsZero() {
			e.Completed = aws.ToTime(d.StoppedAt)
		}
		if !e.Completed.IsZero() {
			e.Took = e.Completed.Sub(e.Created)
		}
		if d.TargetServiceRevision != nil {
			v := revisions[aws.ToString(d.TargetServiceRevision.Arn)]
			e.Revision = aws.ToString(v.TaskDefinition)
			for _, i := range v.ContainerImages {
				e.Images = append(e.Images, Image{aws.ToString(i.ContainerName), aws.ToString(i.Image)})
			}
		}
		if b := d.Rollback; b != nil {
			e.RolledBackBy, e.Error = "revision "+subject.Last(aws.ToString(b.ServiceRevisionArn)), aws.ToString(b.Reason)
		} else if d.Status != types.ServiceDeploymentStatusSuccessful {
			e.Error = aws.ToString(d.StatusReason)
		}
		out = append(out, e)
	}
	return out, nil
}

func (r *Reader) revisions(ctx context.Context, arns []string) (map[string]types.ServiceRevision, error) {
	out := map[string]types.ServiceRevision{}
	if len(arns) == 0 {
		return out, nil
	}
	slices.Sort(arns)
	arns = slices.Compact(arns) // a revision may have been deployed more than once
	got, err := r.Subject.AWS.ECS().DescribeServiceRevisions(ctx, &ecs.DescribeServiceRevisionsInput{ServiceRevisionArns: arns})
	if err != nil {
		return nil, err
	}
	for _, v := range got.ServiceRevisions {
		out[aws.ToString(v.ServiceRevisionArn)] = v
	}
	return out, nil
}
