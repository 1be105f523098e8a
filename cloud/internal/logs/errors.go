package logs

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

var (
	errNoGroup     = &types.ResourceNotFoundException{Message: aws.String("The specified log group does not exist.")}
	errNoStream    = &types.ResourceNotFoundException{Message: aws.String("The specified log stream does not exist.")}
	errGroupExists = &types.ResourceAlreadyExistsException{Message: aws.String("The specified log group already exists")}
	errExists      = &types.ResourceAlreadyExistsException{Message: aws.String("The specified log stream already exists")}
	errToken       = &types.InvalidParameterException{Message: aws.String("The specified nextToken is invalid.")}
)

func invalid(format string, args ...any) error {
	return &types.InvalidParameterException{Message: aws.String(fmt.Sprintf(format, args...))}
}
