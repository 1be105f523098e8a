package cli

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/regex"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

// accountOf finds the account in which a task definition is at home: that of its roles,
// or of the registry of its images. A rehearsal's cloud is that account, so that a task
// definition made for AWS finds them. "" is any account.
func accountOf(conf *config.Config) (string, error) {
	td, err := taskdef.Read(conf.Path(conf.TaskDef))
	if err != nil {
		return "", err
	}
	def, err := td.Definition()
	if err != nil {
		return "", err
	}
	names := []string{aws.ToString(def.ExecutionRoleArn), aws.ToString(def.TaskRoleArn)}
	for _, c := range def.ContainerDefinitions {
		names = append(names, aws.ToString(c.Image))
	}
	for _, n := range names {
		if m := accountIn.FindStringSubmatch(n); m != nil {
			return m[1] + m[2], nil
		}
	}
	return "", nil
}

// accountIn finds the account in a role's ARN or in the name of a private registry.
var accountIn = regex.New(`^arn:[a-z-]+:iam::([0-9]{12}):role/|^([0-9]{12})\.dkr\.ecr`)
