package history

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// batch is how many deployments one call describes.
const batch = 25

// codeDeploy reads the deployments of the service's deployment group.
func (r *Reader) codeDeploy(ctx context.Context) ([]Entry, error) {
	cd, g := r.Subject.AWS.CodeDeploy(), r.Subject.Group
	var ids []string
	pages := codedeploy.NewListDeploymentsPaginator(cd, &codedeploy.ListDeploymentsInput{ApplicationName: g.ApplicationName, DeploymentGroupName: g.DeploymentGroupName})
	for pages.HasMorePages() && len(ids) < r.Limit {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		ids = append(ids, page.Deployments...)
	}
	ids = ids[:min(len(ids), r.Limit)]
	out := []Entry{}
	revisions := map[string]string{} // by the checksum of the document
	for len(ids) > 0 {
		n := min(len(ids), batch)
		got, err := cd.BatchGetDeployments(ctx, &codedeploy.BatchGetDeploymentsInput{DeploymentIds: ids[:n]})
		if err != nil {
			return nil, err
		}
		by := map[string]*cdtypes.DeploymentInfo{}
		for i := range got.DeploymentsInfo {
			by[aws.ToString(got.DeploymentsInfo[i].DeploymentId)] = &got.DeploymentsInfo[i]
		}
		for _, id := range ids[:n] {
			d := by[id]
			if d == nil {
				continue
			}
			e := entry(d)
			if e.Revision, err = revision(ctx, cd, d, revisions); err != nil {
				return nil, err
			}
			out = append(out, e)
		}
		ids = ids[n:]
	}
	return out, nil
}

func entry(d *cdtypes.DeploymentInfo) Entry {
	e := Entry{
		ID: aws.ToString(d.DeploymentId), Status: string(d.Status), Creator: string(d.Creator), Config: aws.ToString(d.DeploymentConfigName),
		Description: aws.ToString(d.Description), Created: aws.ToTime(d.CreateTime), Completed: aws.ToTime(d.CompleteTime),
	}
	if !e.Completed.IsZero() {
		e.Took = e.Completed.Sub(e.Created)
	}
	if d.RollbackInfo != nil {
		e.RolledBackBy, e.TakesBack = aws.ToString(d.RollbackInfo.RollbackDeploymentId), aws.ToString(d.RollbackInfo.RollbackTriggeringDeploymentId)
	}
	if d.ErrorInformation != nil {
		e.Error = aws.ToString(d.ErrorInformation.Message)
	}
	return e
}

// revision is the task definition that a deployment brought, "" where it is not kept or
// not readable; known holds what was read already.
func revision(ctx context.Context, cd *codedeploy.Client, d *cdtypes.DeploymentInfo, known map[string]string) (string, error) {
	sum := ""
	if d.Revision != nil && d.Revision.AppSpecContent != nil {
		sum = aws.ToString(d.Revision.AppSpecContent.Sha256)
	}
	if arn, ok := known[sum]; ok && sum != "" {
		return arn, nil
	}
	arn, err := TaskDefinition(ctx, cd, d)
	if err == nil {
		known[sum] = arn
	}
	return arn, err
}

// TaskDefinition is the revision that a deployment of CodeDeploy brought, "" where its
// document is not kept or is no document that can be read.
func TaskDefinition(ctx context.Context, cd *codedeploy.Client, d *cdtypes.DeploymentInfo) (string, error) {
	spec, err := AppSpec(ctx, cd, d)
	if err != nil || spec == nil {
		return "", err
	}
	return spec.TaskDefinition(), nil
}

// gone tells whether a task definition was deleted.
func gone(err error) bool {
	var none *ecstypes.ClientException
	return errors.As(err, &none)
}
