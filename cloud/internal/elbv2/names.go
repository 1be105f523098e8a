package elbv2

import (
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/internal/regex"
)

const maxName = 32

var nameChars = regex.New(`^[a-zA-Z0-9-]+$`)

// checkName holds the name of a load balancer or target group against the rules that both
// share; what begins the messages ("Target group").
func checkName(what, name string) error {
	switch {
	case len(name) > maxName:
		return validation("%s name '%s' cannot be longer than '%d' characters", what, name, maxName)
	case !nameChars.MatchString(name):
		return validation("%s name '%s' can only contain characters that are alphanumeric characters or hyphens(-)", what, name)
	case strings.HasPrefix(name, "-"):
		return validation("%s name '%s' cannot begin with a hyphen(-)", what, name)
	case strings.HasSuffix(name, "-"):
		return validation("%s name '%s' cannot end with a hyphen(-)", what, name)
	}
	return nil
}

func checkBalancerName(name string) error {
	if err := checkName("The load balancer", name); err != nil {
		return err
	}
	if strings.HasPrefix(strings.ToLower(name), "internal-") {
		return validation("The load balancer name '%s' cannot begin with 'internal-'", name)
	}
	return nil
}

// checkARN refuses what is no ARN of the given kind: "loadbalancer", "listener",
// "listener-rule", "targetgroup".
func checkARN(s, kind string) error {
	a, ok := arn.Parse(s)
	if ok && a.Service == "elasticloadbalancing" && strings.HasPrefix(a.Resource, kind+"/") {
		return nil
	}
	return validation("'%s' is not a valid %s ARN", s, arnNames[kind])
}

var arnNames = map[string]string{
	"loadbalancer":  "load balancer",
	"listener":      "listener",
	"listener-rule": "listener rule",
	"targetgroup":   "target group",
	"truststore":    "trust store",
}
