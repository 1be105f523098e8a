package ssm

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go"
)

var (
	errNone  = &types.ParameterNotFound{} // AWS words nothing here
	errToken = &types.InvalidNextToken{Message: aws.String("The specified token is not valid.")}
)

// invalid is SSM's ValidationException, which its model does not list everywhere.
func invalid(format string, args ...any) error {
	return &smithy.GenericAPIError{Code: "ValidationException", Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}

func noVersion(selector, name string) error {
	return &types.ParameterVersionNotFound{Message: aws.String(fmt.Sprintf("Systems Manager could not find version %s of %s. Verify the version and try again.", selector, name))}
}
