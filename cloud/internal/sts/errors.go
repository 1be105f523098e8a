package sts

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
)

func generic(code, format string, args ...any) error {
	return &smithy.GenericAPIError{Code: code, Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}

func validation(format string, args ...any) error { return generic("ValidationError", format, args...) }

func denied(format string, args ...any) error { return generic("AccessDenied", format, args...) }

func badToken(format string, args ...any) error {
	return &types.InvalidIdentityTokenException{Message: aws.String(fmt.Sprintf(format, args...))}
}
