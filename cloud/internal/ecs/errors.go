package ecs

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func client(format string, args ...any) error {
	return &types.ClientException{Message: aws.String(fmt.Sprintf(format, args...))}
}

func invalid(format string, args ...any) error {
	return &types.InvalidParameterException{Message: aws.String(fmt.Sprintf(format, args...))}
}

var (
	errCluster       = &types.ClusterNotFoundException{Message: aws.String("Cluster not found.")}
	errService       = &types.ServiceNotFoundException{Message: aws.String("Service not found.")}
	errServiceActive = &types.ServiceNotActiveException{Message: aws.String("Service was not ACTIVE.")}
	errSet           = &types.TaskSetNotFoundException{Message: aws.String("TaskSet not found.")}
	errExternal      = invalid("Amazon ECS only supports task set management on services configured to use external deployment controllers.")
)
