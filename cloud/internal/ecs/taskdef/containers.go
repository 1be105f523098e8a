package taskdef

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/turnoutdev/turnout/internal/regex"
)

// minMemory is the least that Docker gives to a container, in MiB.
const minMemory = 4

var image = regex.New(`^[a-zA-Z0-9_.:/@#-]{1,255}$`)

func checkContainers(td *types.TaskDefinition) error {
	seen, essential, cpu := map[string]bool{}, false, 0
	for i := range td.ContainerDefinitions {
		c := &td.ContainerDefinitions[i]
		if err := checkContainer(td, c); err != nil {
			return err
		}
		if seen[*c.Name] {
			return refuse("Container names must be unique: '%s' is used more than once.", *c.Name)
		}
		seen[*c.Name] = true
		essential = essential || *c.Essential
		cpu += int(c.Cpu)
	}
	if !essential {
		return refuse("At least one container in the task definition must be essential.")
	}
	if limit, _ := sizes(td); limit > 0 && cpu > limit {
		return refuse("The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.")
	}
	return nil
}

func checkContainer(td *types.TaskDefinition, c *types.ContainerDefinition) error {
	switch {
	case aws.ToString(c.Name) == "":
		return refuse("Container.name should not be null or empty.")
	case !name.MatchString(*c.Name):
		return refuse("Container.name contains invalid characters.")
	case aws.ToString(c.Image) == "":
		return refuse("Container.image should not be null or empty.")
	case !image.MatchString(*c.Image):
		return refuse("Container.image contains invalid characters.")
	case c.Cpu < 0:
		return refuse("Invalid 'cpu' setting for container '%s'.", *c.Name)
	case len(c.Secrets) > 0 && td.ExecutionRoleArn == nil:
		return refuse("When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.")
	case len(c.Links) > 0 && td.NetworkMode == types.NetworkModeAwsvpc:
		return refuse("Links are not supported when networkMode=awsvpc.")
	}
	for _, check := range []func(*types.TaskDefinition, *types.ContainerDefinition) error{checkMemory, checkPorts, checkLog, checkEnvironment, checkHealth} {
		if err := check(td, c); err != nil {
			return err
		}
	}
	return nil
}

func checkMemory(td *types.TaskDefinition, c *types.ContainerDefinition) error {
	_, limit := sizes(td)
	hard, soft := aws.ToInt32(c.Memory), aws.ToInt32(c.MemoryReservation)
	switch {
	case limit == 0 && c.Memory == nil && c.MemoryReservation == nil:
		return refuse("Invalid setting for container '%s'. At least one of 'memory' or 'memoryReservation' must be specified.", *c.Name)
	case c.Memory != nil && hard < minMemory:
		return refuse("Invalid 'memory' setting for container '%s'.", *c.Name)
	case c.MemoryReservation != nil && soft < minMemory:
		return refuse("Invalid 'memoryReservation' setting for container '%s'.", *c.Name)
	case limit > 0 && int(hard) > limit:
		return refuse("The 'memory' setting for container '%s' is greater than for the task.", *c.Name)
	case limit > 0 && int(soft) > limit:
		return refuse("The 'memoryReservation' setting for container '%s' is greater than for the task.", *c.Name)
	case c.Memory != nil && soft > hard:
		return refuse("Invalid setting for container '%s'. The 'memory' value must be greater than the 'memoryReservation' value.", *c.Name)
	}
	return nil
}

func checkPorts(td *types.TaskDefinition, c *types.ContainerDefinition) error {
	if td.NetworkMode == types.NetworkModeNone && len(c.PortMappings) > 0 {
		return refuse("Port mappings are not supported when networkMode=none.")
	}
	for _, p := range c.PortMappings {
		if p.ContainerPortRange != nil {
			continue
		}
		if n := aws.ToInt32(p.ContainerPort); n < 1 || n > 65535 {
			return refuse("Invalid 'containerPort' setting for container '%s'.", *c.Name)
		}
		if n := aws.ToInt32(p.HostPort); n < 0 || n > 65535 {
			return refuse("Invalid 'hostPort' setting for container '%s'.", *c.Name)
		}
		own := td.NetworkMode == types.NetworkModeAwsvpc || td.NetworkMode == types.NetworkModeHost
		if own && *p.HostPort != *p.ContainerPort {
			return refuse("When networkMode=%s, the host ports and container ports in port mappings must match.", td.NetworkMode)
		}
	}
	return nil
}

func checkLog(_ *types.TaskDefinition, c *types.ContainerDefinition) error {
	l := c.LogConfiguration
	if l == nil || l.LogDriver != types.LogDriverAwslogs {
		return nil
	}
	var missing []string
	for _, o := range []string{"awslogs-region", "awslogs-group"} {
		if l.Options[o] == "" {
			missing = append(missing, o)
		}
	}
	if len(missing) > 0 {
		return refuse("Log driver awslogs requires options: %s", strings.Join(missing, ", "))
	}
	return nil
}

func checkEnvironment(_ *types.TaskDefinition, c *types.ContainerDefinition) error {
	for _, s := range c.Secrets {
		switch {
		case aws.ToString(s.Name) == "":
			return refuse("Secret.name should not be null or empty.")
		case aws.ToString(s.ValueFrom) == "":
			return refuse("Secret.valueFrom should not be null or empty.")
		case slices.ContainsFunc(c.Environment, func(kv types.KeyValuePair) bool { return aws.ToString(kv.Name) == *s.Name }):
			return refuse("The secret name must be unique and not shared with any new or existing environment variables set on the container, such as '%s'.", *s.Name)
		}
	}
	for _, f := range c.EnvironmentFiles {
		if f.Type != types.EnvironmentFileTypeS3 || !strings.HasSuffix(aws.ToString(f.Value), ".env") {
			return refuse("Invalid 'environmentFiles' setting for container '%s': files are of type s3 and end in .env.", *c.Name)
		}
	}
	return nil
}

func checkHealth(_ *types.TaskDefinition, c *types.ContainerDefinition) error {
	h := c.HealthCheck
	if h == nil {
		return nil
	}
	if len(h.Command) == 0 {
		return refuse("Invalid 'healthCheck' setting for container '%s': the command cannot be empty.", *c.Name)
	}
	for _, r := range []struct {
		what      string
		n         *int32
		low, high int32
	}{{"interval", h.Interval, 5, 300}, {"timeout", h.Timeout, 2, 120}, {"retries", h.Retries, 1, 10}, {"startPeriod", h.StartPeriod, 0, 300}} {
		if r.n != nil && (*r.n < r.low || *r.n > r.high) {
			return refuse("Invalid 'healthCheck' setting for container '%s': %s must be between %d and %d.", *c.Name, r.what, r.low, r.high)
		}
	}
	return nil
}
