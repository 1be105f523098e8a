package provision

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	cdtypes "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// ownerTag is on everything that provisioning makes, and names the service for which it
// was made, CLUSTER/SERVICE. Deprovisioning deletes what has it and nothing else.
const ownerTag = "turnout:service"

func (p *Provisioner) owner() string { return p.Config.Cluster + "/" + p.Config.Service }

func (p *Provisioner) ecsTags() []ecstypes.Tag {
	return []ecstypes.Tag{{Key: aws.String(ownerTag), Value: aws.String(p.owner())}}
}

func (p *Provisioner) ecrTags() []ecrtypes.Tag {
	return []ecrtypes.Tag{{Key: aws.String(ownerTag), Value: aws.String(p.owner())}}
}

func (p *Provisioner) elbTags() []elbtypes.Tag {
	return []elbtypes.Tag{{Key: aws.String(ownerTag), Value: aws.String(p.owner())}}
}

func (p *Provisioner) iamTags() []iamtypes.Tag {
	return []iamtypes.Tag{{Key: aws.String(ownerTag), Value: aws.String(p.owner())}}
}

func (p *Provisioner) deployTags() []cdtypes.Tag {
	return []cdtypes.Tag{{Key: aws.String(ownerTag), Value: aws.String(p.owner())}}
}

// owned tells whether tags name this service as what they were made for.
func owned[T any](p *Provisioner, tags []T, split func(T) (key, value *string)) bool {
	for _, t := range tags {
		if k, v := split(t); aws.ToString(k) == ownerTag {
			return aws.ToString(v) == p.owner()
		}
	}
	return false
}

func ecsTag(t ecstypes.Tag) (key, value *string)   { return t.Key, t.Value }
func ecrTag(t ecrtypes.Tag) (key, value *string)   { return t.Key, t.Value }
func elbTag(t elbtypes.Tag) (key, value *string)   { return t.Key, t.Value }
func iamTag(t iamtypes.Tag) (key, value *string)   { return t.Key, t.Value }
func deployTag(t cdtypes.Tag) (key, value *string) { return t.Key, t.Value }
