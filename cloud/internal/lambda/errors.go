package lambda

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

var user = aws.String("User")

func invalid(format string, args ...any) error {
	return &types.InvalidParameterValueException{Type: user, Message: aws.String(fmt.Sprintf(format, args...))}
}

func notFound(format string, args ...any) error {
	return &types.ResourceNotFoundException{Type: user, Message: aws.String(fmt.Sprintf(format, args...))}
}

func conflict(format string, args ...any) error {
	return &types.ResourceConflictException{Type: user, Message: aws.String(fmt.Sprintf(format, args...))}
}

func badContent(format string, args ...any) error {
	return &types.InvalidRequestContentException{Type: user, Message: aws.String(fmt.Sprintf(format, args...))}
}

// errStale is the answer to a revision id that is not the present one.
var errStale = &types.PreconditionFailedException{Type: user, Message: aws.String("The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id")}

func service(err error) error {
	return &types.ServiceException{Type: aws.String("Service"), Message: aws.String(err.Error())}
}
