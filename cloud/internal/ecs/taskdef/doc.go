// Package taskdef is what ECS knows about task definitions: which it refuses and in which
// words, what it adds to those that it takes, and what overrides make of them. It is pure:
// revisions, ARNs and times are the business of package ecs.
//
// Not checked: what only container instances could have (devices, GPUs, custom
// attributes), the contents of policies and roles, and options of log drivers other than
// awslogs. The way in which GPUs are shared (sharingStrategy) is not kept.
package taskdef

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

func refuse(format string, args ...any) error {
	return &types.ClientException{Message: aws.String(fmt.Sprintf(format, args...))}
}
