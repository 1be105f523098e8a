package codedeploy

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
)

// denial is a neighbour's answer to a call that the service role does not permit.
type denial interface {
	error
	DeniedBy() string // "AmazonECS"
}

// refusal is the failure that an error of a neighbour makes: what the service role lacks
// comes before all else, other errors are told under the code. AWS tells of a missing
// permission only which service refused; which action it was stands in the cloud's log.
func (o *owner) refusal(code types.ErrorCode, err error) *failure {
	var f *failure
	if errors.As(err, &f) {
		return f
	}
	var d denial
	if !errors.As(err, &d) {
		return failed(code, "%s", err.Error())
	}
	o.Log.Warn("the service role lacks a permission", "deployment", o.d.ID, "error", err)
	return failed(types.ErrorCodeIamRolePermissions, "The IAM role %s does not give you permission to perform operations in the following AWS service: %s. "+
		"Contact your AWS administrator if you need help. If you are an AWS administrator, you can grant permissions to your users or groups by creating IAM policies.",
		aws.ToString(o.d.GroupInfo.ServiceRoleArn), d.DeniedBy())
}

// assume is Assume, with CodeDeploy's text for a role that does not let it in. As in AWS,
// one that does not exist is told no differently.
func (s *Service) assume(ctx context.Context, role string) (context.Context, error) {
	actx, err := s.Assume(ctx, role)
	if err != nil {
		s.Log.Warn("the service role cannot be assumed", "role", role, "error", err)
		return nil, fmt.Errorf("AWS CodeDeploy does not have the permissions required to assume the role %s.", role)
	}
	return actx, nil
}
