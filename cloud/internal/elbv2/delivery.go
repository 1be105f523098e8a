package elbv2

import (
	"context"
	"strings"
)

// The services that bring logs to buckets: those of application load balancers, and those
// of network load balancers.
const (
	appDelivery = "logdelivery.elasticloadbalancing.amazonaws.com"
	netDelivery = "delivery.logs.amazonaws.com"
)

// deliverers are the accounts from which Elastic Load Balancing writes the logs of
// application load balancers in the regions that are older than appDelivery. Policies name
// one or the other.
var deliverers = map[string]string{
	"us-east-1": "127311923021", "us-east-2": "033677994240", "us-west-1": "027434742980", "us-west-2": "797873946194",
	"af-south-1": "098369216593", "ap-east-1": "754344448648", "ap-southeast-3": "589379963580", "ap-south-1": "718504428378",
	"ap-northeast-3": "383597477331", "ap-northeast-2": "600734575887", "ap-southeast-1": "114774131450", "ap-southeast-2": "783225319266",
	"ap-northeast-1": "582318560864", "ca-central-1": "985666609251", "eu-central-1": "054676820928", "eu-west-1": "156460612806",
	"eu-west-2": "652711504416", "eu-south-1": "635631232127", "eu-west-3": "009996457667", "eu-north-1": "897822967062",
	"me-south-1": "076674570225", "sa-east-1": "507241528517", "us-gov-west-1": "048591011584", "us-gov-east-1": "190560391635",
	"cn-north-1": "638102146993", "cn-northwest-1": "037604701340",
}

// write puts a file of a log into its bucket, if that lets it in.
func (s *Service) write(ctx context.Context, p logPlace, key string, content []byte) error {
	if s.Admit != nil {
		if err := s.admitted(p, key); err != nil {
			return err
		}
	}
	return s.Objects.Put(ctx, p.bucket, key, content)
}

func (s *Service) admitted(p logPlace, key string) error {
	bucket := "arn:" + s.Place.Partition + ":s3:::" + p.bucket
	keys := map[string]string{"aws:sourceaccount": s.Place.Account, "aws:sourcearn": p.lb, "s3:x-amz-acl": "bucket-owner-full-control"}
	if !strings.Contains(p.lb, ":loadbalancer/net/") {
		return s.Admit(appDelivery, deliverers[s.Place.Region], "s3:PutObject", bucket+"/"+key, keys)
	}
	keys["aws:sourcearn"] = s.Place.Of("logs", "*")
	if err := s.Admit(netDelivery, "", "s3:GetBucketAcl", bucket, keys); err != nil {
		return err
	}
	return s.Admit(netDelivery, "", "s3:PutObject", bucket+"/"+key, keys)
}
