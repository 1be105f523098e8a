package agent

import (
	"net/netip"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// MetadataAddr is where containers expect ECS's metadata and credentials.
var MetadataAddr = netip.MustParseAddrPort("169.254.170.2:80")

// ofServices are the variables that point to services inside the task.
var ofServices = []string{"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_ENDPOINT_URL"}

// environment lists a container's variables as K=V. Of equal names the later wins, in
// this order: what ECS's agent sets, Spec.Env, the task definition's environment, which
// on AWS beats environment files too.
func (t *task) environment(c *container) []string {
	e := variables{}
	e.agent(t, c)
	for _, kv := range t.spec.Env[c.name] {
		if t.metadata() || !slices.Contains(ofServices, aws.ToString(kv.Name)) {
			e.set(aws.ToString(kv.Name), aws.ToString(kv.Value))
		}
	}
	for _, kv := range c.def.Environment {
		e.set(aws.ToString(kv.Name), aws.ToString(kv.Value))
	}
	return e.list()
}

// metadata tells whether the task reaches MetadataAddr. If not, variables that point
// there would only make clients wait.
func (t *task) metadata() bool {
	_, ok := t.spec.Services[MetadataAddr]
	return ok && t.served
}

// variables keep the order in which names came first.
type variables struct {
	names  []string
	values map[string]string
}

func (v *variables) set(name, value string) {
	if v.values == nil {
		v.values = map[string]string{}
	}
	if !slices.Contains(v.names, name) {
		v.names = append(v.names, name)
	}
	v.values[name] = value
}

func (v *variables) list() []string {
	var list []string
	for _, n := range v.names {
		list = append(list, n+"="+v.values[n])
	}
	return list
}

// agent sets what ECS's agent sets by itself.
func (v *variables) agent(t *task, c *container) {
	v.set("AWS_EXECUTION_ENV", launchType(t.spec.Definition))
	if a, err := arn.Parse(t.spec.ARN); err == nil {
		v.set("AWS_REGION", a.Region)
		v.set("AWS_DEFAULT_REGION", a.Region)
	}
	if t.metadata() {
		base := "http://" + MetadataAddr.Addr().String()
		v.set("ECS_CONTAINER_METADATA_URI_V4", base+"/v4/"+t.metadataID(c))
		v.set("ECS_CONTAINER_METADATA_URI", base+"/v3/"+t.metadataID(c))
	}
}

// launchType is what AWS_EXECUTION_ENV says of where a task runs.
func launchType(d types.TaskDefinition) string {
	if slices.Contains(d.RequiresCompatibilities, types.CompatibilityFargate) {
		return "AWS_ECS_FARGATE"
	}
	return "AWS_ECS_EC2"
}
