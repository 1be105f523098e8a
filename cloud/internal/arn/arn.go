// Package arn says where a local cloud stands (one partition, account and region)
// and builds the Amazon Resource Names of what lives there.
//
// One cloud is one account and one region, as ADR 5 explains.
package arn

import "strings"

// Place is the partition, account and region that a cloud answers for.
type Place struct {
	Partition string // "aws"
	Account   string // 12 digits
	Region    string // "us-east-1"
}

// Of builds the ARN of a regional resource: Of("ecs", "cluster/default").
func (p Place) Of(service, resource string) string {
	return strings.Join([]string{"arn", p.Partition, service, p.Region, p.Account, resource}, ":")
}

// Global builds the ARN of a resource that belongs to no region, as IAM's and STS's do.
func (p Place) Global(service, resource string) string {
	return strings.Join([]string{"arn", p.Partition, service, "", p.Account, resource}, ":")
}

// ARN is a parsed Amazon Resource Name.
type ARN struct {
	Partition, Service, Region, Account, Resource string
}

// Parse splits s into the six parts of an ARN; ok is false when s is not one.
func Parse(s string) (a ARN, ok bool) {
	f := strings.SplitN(s, ":", 6)
	if len(f) != 6 || f[0] != "arn" || f[1] == "" || f[2] == "" || f[5] == "" {
		return ARN{}, false
	}
	return ARN{Partition: f[1], Service: f[2], Region: f[3], Account: f[4], Resource: f[5]}, true
}

// Name returns what follows the last slash of an ARN or plain name.
func Name(s string) string {
	return s[strings.LastIndexByte(s, '/')+1:]
}
