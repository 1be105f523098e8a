package taskdef

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

type input = ecs.RegisterTaskDefinitionInput

// simple is a definition for instances, with one container.
func simple() *input {
	return &input{Family: aws.String("f"), ContainerDefinitions: []types.ContainerDefinition{{
		Name: aws.String("web"), Image: aws.String("nginx"), Memory: aws.Int32(128), PortMappings: []types.PortMapping{{ContainerPort: aws.Int32(80)}},
	}}}
}

// fargate is one for Fargate.
func fargate(in *input) {
	in.RequiresCompatibilities, in.NetworkMode = []types.Compatibility{types.CompatibilityFargate}, types.NetworkModeAwsvpc
	in.Cpu, in.Memory, in.ContainerDefinitions[0].Memory = aws.String("256"), aws.String("512"), nil
}

func sized(cpu, memory string) func(*input) {
	return func(in *input) { fargate(in); in.Cpu, in.Memory = &cpu, &memory }
}

// web changes the container.
func web(f func(*types.ContainerDefinition)) func(*input) {
	return func(in *input) { f(&in.ContainerDefinitions[0]) }
}

// onFargateWeb changes the container of a definition for Fargate.
func onFargateWeb(f func(*types.ContainerDefinition)) func(*input) {
	return func(in *input) { fargate(in); f(&in.ContainerDefinitions[0]) }
}

// side adds a container, and what web waits for of it.
func side(condition types.ContainerCondition, essential bool) func(*input) {
	return func(in *input) {
		in.ContainerDefinitions[0].DependsOn = []types.ContainerDependency{{ContainerName: aws.String("side"), Condition: condition}}
		in.ContainerDefinitions = append(in.ContainerDefinitions, types.ContainerDefinition{Name: aws.String("side"), Image: aws.String("x"), Memory: aws.Int32(8), Essential: &essential})
	}
}

func logged(driver types.LogDriver, options ...string) func(*types.ContainerDefinition) {
	return func(c *types.ContainerDefinition) {
		c.LogConfiguration = &types.LogConfiguration{LogDriver: driver, Options: map[string]string{}}
		for _, o := range options {
			c.LogConfiguration.Options[o] = "x"
		}
	}
}

const noFargate = "No Fargate configuration exists for given values: "

var refused = map[string]func(*input){
	"Family contains invalid characters.": func(in *input) { in.Family = aws.String("a b") },
	"Container list cannot be empty.":     func(in *input) { in.ContainerDefinitions = nil },
	"Too many containers: a task definition can have at most 10.": func(in *input) {
		for range 10 {
			in.ContainerDefinitions = append(in.ContainerDefinitions, in.ContainerDefinitions[0])
		}
	},
	"Container.name should not be null or empty.":                                                                 web(func(c *types.ContainerDefinition) { c.Name = nil }),
	"Container.name contains invalid characters.":                                                                 web(func(c *types.ContainerDefinition) { c.Name = aws.String("a b") }),
	"Container.image should not be null or empty.":                                                                web(func(c *types.ContainerDefinition) { c.Image = aws.String("") }),
	"Container.image contains invalid characters.":                                                                web(func(c *types.ContainerDefinition) { c.Image = aws.String("a b") }),
	"Container names must be unique: 'web' is used more than once.":                                               func(in *input) { in.ContainerDefinitions = append(in.ContainerDefinitions, in.ContainerDefinitions[0]) },
	"At least one container in the task definition must be essential.":                                            web(func(c *types.ContainerDefinition) { c.Essential = aws.Bool(false) }),
	"Invalid setting for container 'web'. At least one of 'memory' or 'memoryReservation' must be specified.":     web(func(c *types.ContainerDefinition) { c.Memory = nil }),
	"Invalid 'memory' setting for container 'web'.":                                                               web(func(c *types.ContainerDefinition) { c.Memory = aws.Int32(3) }),
	"Invalid 'memoryReservation' setting for container 'web'.":                                                    web(func(c *types.ContainerDefinition) { c.MemoryReservation = aws.Int32(0) }),
	"Invalid setting for container 'web'. The 'memory' value must be greater than the 'memoryReservation' value.": web(func(c *types.ContainerDefinition) { c.MemoryReservation = aws.Int32(129) }),
	"The 'memory' setting for container 'web' is greater than for the task.":                                      onFargateWeb(func(c *types.ContainerDefinition) { c.Memory = aws.Int32(513) }),
	"The 'memoryReservation' setting for container 'web' is greater than for the task.":                           onFargateWeb(func(c *types.ContainerDefinition) { c.MemoryReservation = aws.Int32(513) }),
	"The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.":                   onFargateWeb(func(c *types.ContainerDefinition) { c.Cpu = 257 }),
	"Invalid 'cpu' setting for container 'web'.":                                                                  web(func(c *types.ContainerDefinition) { c.Cpu = -1 }),
	"Invalid 'containerPort' setting for container 'web'.":                                                        web(func(c *types.ContainerDefinition) { c.PortMappings[0].ContainerPort = aws.Int32(65536) }),
	"Invalid 'hostPort' setting for container 'web'.":                                                             web(func(c *types.ContainerDefinition) { c.PortMappings[0].HostPort = aws.Int32(-1) }),
	"When networkMode=awsvpc, the host ports and container ports in port mappings must match.":                    onFargateWeb(func(c *types.ContainerDefinition) { c.PortMappings[0].HostPort = aws.Int32(81) }),
	"Port mappings are not supported when networkMode=none.":                                                      func(in *input) { in.NetworkMode = types.NetworkModeNone },
	"Links are not supported when networkMode=awsvpc.":                                                            onFargateWeb(func(c *types.ContainerDefinition) { c.Links = []string{"a"} }),
	"When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.": web(func(c *types.ContainerDefinition) {
		c.Secrets = []types.Secret{{Name: aws.String("S"), ValueFrom: aws.String("s")}}
	}),
	"The secret name must be unique and not shared with any new or existing environment variables set on the container, such as 'S'.": func(in *input) {
		in.ExecutionRoleArn = aws.String("arn:aws:iam::123456789012:role/r")
		in.ContainerDefinitions[0].Secrets = []types.Secret{{Name: aws.String("S"), ValueFrom: aws.String("s")}}
		in.ContainerDefinitions[0].Environment = []types.KeyValuePair{{Name: aws.String("S")}}
	},
	"Log driver awslogs requires options: awslogs-region, awslogs-group": web(logged(types.LogDriverAwslogs)),
	"Invalid 'environmentFiles' setting for container 'web': files are of type s3 and end in .env.": web(func(c *types.ContainerDefinition) {
		c.EnvironmentFiles = []types.EnvironmentFile{{Type: types.EnvironmentFileTypeS3, Value: aws.String("arn:aws:s3:::b/k")}}
	}),
	"Invalid 'healthCheck' setting for container 'web': the command cannot be empty.": web(func(c *types.ContainerDefinition) { c.HealthCheck = &types.HealthCheck{} }),
	"Invalid 'healthCheck' setting for container 'web': interval must be between 5 and 300.": web(func(c *types.ContainerDefinition) {
		c.HealthCheck = &types.HealthCheck{Command: []string{"CMD", "x"}, Interval: aws.Int32(4)}
	}),
	"The dependency container 'side' does not exist in the task definition.": web(func(c *types.ContainerDefinition) {
		c.DependsOn = []types.ContainerDependency{{ContainerName: aws.String("side"), Condition: types.ContainerConditionStart}}
	}),
	"A dependency container with SUCCESS or COMPLETE condition cannot be an essential container": side(types.ContainerConditionSuccess, true),
	"A dependency container with HEALTHY condition must have a health check":                     side(types.ContainerConditionHealthy, true),
	"The containers' dependencies contain a cycle that includes 'web'.": func(in *input) {
		side(types.ContainerConditionStart, true)(in)
		in.ContainerDefinitions[1].DependsOn = []types.ContainerDependency{{ContainerName: aws.String("web"), Condition: types.ContainerConditionStart}}
	},
	"Unknown volume 'v'.": web(func(c *types.ContainerDefinition) {
		c.MountPoints = []types.MountPoint{{SourceVolume: aws.String("v")}}
	}),
	"Volume names must be unique: 'v' is used more than once.": func(in *input) {
		in.Volumes = []types.Volume{{Name: aws.String("v")}, {Name: aws.String("v")}}
	},
	"Unknown container 'x' in volumesFrom.": web(func(c *types.ContainerDefinition) {
		c.VolumesFrom = []types.VolumeFrom{{SourceContainer: aws.String("x")}}
	}),
	"Fargate only supports network mode ‘awsvpc’.":                                                func(in *input) { fargate(in); in.NetworkMode = types.NetworkModeBridge },
	"Fargate requires that 'cpu' be defined at the task level.":                                   func(in *input) { fargate(in); in.Cpu = nil },
	"Fargate requires that 'memory' be defined at the task level.":                                func(in *input) { fargate(in); in.Memory, in.ContainerDefinitions[0].Memory = nil, aws.Int32(64) },
	noFargate + "256 CPU, 4096 memory. See the Amazon ECS documentation for the valid values.":    sized("256", "4096"),
	noFargate + "300 CPU, 512 memory. See the Amazon ECS documentation for the valid values.":     sized("300", "512"),
	noFargate + "512 CPU, 1536 memory. See the Amazon ECS documentation for the valid values.":    sized(".5 vCPU", "1.5GB"),
	noFargate + "4096 CPU, 31744 memory. See the Amazon ECS documentation for the valid values.":  sized("4096", "31744"),
	noFargate + "8192 CPU, 18432 memory. See the Amazon ECS documentation for the valid values.":  sized("8192", "18432"),
	noFargate + "16384 CPU, 36864 memory. See the Amazon ECS documentation for the valid values.": sized("16384", "36864"),
	"Invalid 'cpu' setting for task." + seeGuide:                                                  sized("much", "512"),
	"Invalid 'memory' setting for task." + seeGuide:                                               sized("256", "more"),
	"Fargate compatible task definitions do not support privileged":                               onFargateWeb(func(c *types.ContainerDefinition) { c.Privileged = aws.Bool(true) }),
	"Fargate compatible task definitions do not support a stopTimeout of more than 120 seconds":   onFargateWeb(func(c *types.ContainerDefinition) { c.StopTimeout = aws.Int32(121) }),
	"Fargate compatible task definitions do not support the log driver syslog":                    onFargateWeb(logged(types.LogDriverSyslog)),
	"Fargate compatible task definitions do not support sourcePath": func(in *input) {
		fargate(in)
		in.Volumes = []types.Volume{{Name: aws.String("v"), Host: &types.HostVolumeProperties{SourcePath: aws.String("/x")}}}
	},
	"Fargate requires task definition to have execution role ARN to support ECR images.": onFargateWeb(func(c *types.ContainerDefinition) {
		c.Image = aws.String("123456789012.dkr.ecr.us-east-1.amazonaws.com/app:1")
	}),
	"Fargate requires task definition to have execution role ARN to support log driver awslogs.": onFargateWeb(logged(types.LogDriverAwslogs, "awslogs-region", "awslogs-group")),
}

func TestRefusals(t *testing.T) {
	for message, change := range refused {
		in := simple()
		change(in)
		_, err := New(in)
		var refusal *types.ClientException
		if !errors.As(err, &refusal) || refusal.ErrorMessage() != message {
			t.Errorf("got  %v\nwant %s", err, message)
		}
	}
}

// Sizes are normalised, and told to be Fargate's where they are.
func TestSizes(t *testing.T) {
	for size, want := range map[string]string{
		"256 512": "256 512", "256 2048": "256 2048", "1 vCPU/2GB": "1024 2048", ".25 vCPU/0.5 GB": "256 512", "1vcpu/2 gb": "1024 2048", "512 4096": "512 4096",
		"2048 4096": "2048 4096", "4096 30720": "4096 30720", "8192 20480": "8192 20480", "16384 122880": "16384 122880",
	} {
		cpu, memory, ok := strings.Cut(size, "/")
		if !ok {
			cpu, memory, _ = strings.Cut(size, " ")
		}
		in := simple()
		sized(cpu, memory)(in)
		td, err := New(in)
		if err != nil {
			t.Errorf("%s: %v", size, err)
			continue
		}
		if got := *td.Cpu + " " + *td.Memory; got != want || len(td.Compatibilities) != 2 {
			t.Errorf("%s is %s, for %v", size, got, td.Compatibilities)
		}
	}
}

// What ECS echoes where the author has said nothing.
func TestDefaults(t *testing.T) {
	td, err := New(simple())
	if err != nil {
		t.Fatal(err)
	}
	c := td.ContainerDefinitions[0]
	if !*c.Essential || *c.PortMappings[0].HostPort != 0 || c.PortMappings[0].Protocol != types.TransportProtocolTcp ||
		c.Environment == nil || c.MountPoints == nil || c.VolumesFrom == nil || c.SystemControls == nil || td.Volumes == nil || td.PlacementConstraints == nil {
		t.Errorf("%+v", td)
	}
	in := simple()
	fargate(in)
	if td, err = New(in); err != nil || *td.ContainerDefinitions[0].PortMappings[0].HostPort != 80 {
		t.Errorf("%v, in awsvpc the host's port is the container's: %+v", err, td.ContainerDefinitions)
	}
}
