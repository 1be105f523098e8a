package ec2

import (
	"fmt"

	"github.com/aws/smithy-go"
)

// EC2's model has no error shapes: codes and texts are all that there is.
func failure(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}

func missing(parameter string) error {
	return failure("MissingParameter", "The request must contain the parameter %s", parameter)
}

func invalid(format string, args ...any) error {
	return failure("InvalidParameterValue", format, args...)
}

func inUse(format string, args ...any) error { return failure("DependencyViolation", format, args...) }
