package ecs

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
)

func client(format string, args ...any) error {
	return &types.ClientException{Message: aws.String(fmt.Sprintf(format, args...))}
}

func invalid(format string, args ...any) error {
	return &types.InvalidParameterException{Message: aws.String(fmt.Sprintf(format, args...))}
}

func unsupported(format string, args ...any) error {
	return &types.UnsupportedFeatureException{Message: aws.String(fmt.Sprintf(format, args...))}
}

func notFound(format string, args ...any) error {
	return &types.ResourceNotFoundException{Message: aws.String(fmt.Sprintf(format, args...))}
}

var (
	errCluster         = &types.ClusterNotFoundException{Message: aws.String("Cluster not found.")}
	errClusterInactive = &types.ClusterNotFoundException{Message: aws.String("The referenced cluster was inactive.")}
	errService         = &types.ServiceNotFoundException{Message: aws.String("Service not found.")}
	errServiceActive   = &types.ServiceNotActiveException{Message: aws.String("Service was not ACTIVE.")}
	errSet             = &types.TaskSetNotFoundException{Message: aws.String("The specified task set was not found. Specify a valid task set and try again.")}
	errExternal        = invalid("Amazon ECS only supports task set management on services configured to use external deployment controllers.")
	errTask            = invalid("The referenced task was not found.")
	errDefinition      = client("TaskDefinition not found.")
	errInactive        = client("TaskDefinition is inactive")
	errDescribe        = client("Unable to describe task definition.")
	errToken           = invalid("Invalid token.")
	errInstance        = invalid("The referenced container instance was not found.")
	errDeployment      = &types.ServiceDeploymentNotFoundException{Message: aws.String("Service deployment not found.")}
)

// cause is an error's text as service events and stopped reasons show it: without the
// code that the SDK's types put before it.
func cause(err error) string {
	var coded interface{ ErrorMessage() string }
	if errors.As(err, &coded) && coded.ErrorMessage() != "" {
		return coded.ErrorMessage()
	}
	return strings.TrimSpace(err.Error())
}

// coded is an error's text with its code before it, as AWS's own clients log it.
func coded(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode() + ": " + api.ErrorMessage()
	}
	return err.Error()
}
