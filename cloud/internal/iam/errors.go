package iam

import (
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/policy"
)

func text(format string, args ...any) *string { return aws.String(fmt.Sprintf(format, args...)) }

func validation(format string, args ...any) error {
	return &smithy.GenericAPIError{
		Code: "ValidationError", Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient,
	}
}

func noSuch(format string, args ...any) error {
	return &types.NoSuchEntityException{Message: text(format, args...)}
}

func exists(format string, args ...any) error {
	return &types.EntityAlreadyExistsException{Message: text(format, args...)}
}

func conflict(format string, args ...any) error {
	return &types.DeleteConflictException{Message: text(format, args...)}
}

func limit(format string, args ...any) error {
	return &types.LimitExceededException{Message: text(format, args...)}
}

func invalidInput(format string, args ...any) error {
	return &types.InvalidInputException{Message: text(format, args...)}
}

func quota(name string, n int) error { return limit("Cannot exceed quota for %s: %d", name, n) }

// badDocument is the API's error for a document that package policy refused.
func badDocument(err error) error {
	var e *policy.Error
	if errors.As(err, &e) {
		return &types.MalformedPolicyDocumentException{Message: aws.String(e.Message)}
	}
	return err
}

// answer is an output, or nil where there is an error.
func answer[T any](out *T, err error) (*T, error) {
	if err != nil {
		return nil, err
	}
	return out, nil
}
