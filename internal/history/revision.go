// Package history tells what was deployed to a service: its deployments, newest first,
// each with the revision it brought, by whom, how it ended and what took it back.
package history

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/internal/appspec"
)

// AppSpec is the document that a deployment of CodeDeploy brought, with its task
// definition in it. GetDeployment gives only its checksum; the application keeps the
// content. It is nil when the application does not keep it any more, and when it is no
// document that can be read.
func AppSpec(ctx context.Context, cd *codedeploy.Client, d *cdtypes.DeploymentInfo) (*appspec.AppSpec, error) {
	if d.Revision == nil {
		return nil, nil
	}
	text := content(d.Revision)
	if text == "" {
		out, err := cd.GetApplicationRevision(ctx, &codedeploy.GetApplicationRevisionInput{ApplicationName: d.ApplicationName, Revision: d.Revision})
		var none *cdtypes.RevisionDoesNotExistException
		if errors.As(err, &none) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("revision of deployment %s: %w", aws.ToString(d.DeploymentId), err)
		}
		if text = content(out.Revision); text == "" {
			return nil, nil // in S3, where only CodeDeploy reads it
		}
	}
	name := "appspec.yaml"
	if strings.HasPrefix(strings.TrimSpace(text), "{") {
		name = "appspec.json"
	}
	spec, err := appspec.Parse(name, []byte(text))
	if err != nil {
		return nil, nil // CodeDeploy refused it too: that deployment failed
	}
	return spec, nil
}

func content(r *cdtypes.RevisionLocation) string {
	if r == nil || r.AppSpecContent == nil {
		return ""
	}
	return aws.ToString(r.AppSpecContent.Content)
}
