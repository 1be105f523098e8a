package doctor

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/turnoutdev/turnout/internal/image"
	"github.com/turnoutdev/turnout/internal/regex"
)

// ECS's limits of a task definition.
const (
	maxBytes      = 64 << 10
	maxContainers = 10
)

// size holds the definition against ECS's limits.
func (e *examination) size(context.Context) error {
	if n := len(e.Definition.ContainerDefinitions); n > maxContainers {
		e.found(Finding{Error, "size", fmt.Sprintf("%d containers, of at most %d", n, maxContainers), e.File, "ECS will refuse the task definition", "split the task"})
	}
	b, err := json.Marshal(e.Definition)
	if err == nil && len(b) > maxBytes {
		e.found(Finding{Error, "size", fmt.Sprintf("%d KiB, of at most %d", len(b)>>10, maxBytes>>10), e.File, "ECS will refuse the task definition", "move settings to environmentFiles or Parameter Store"})
	}
	return err
}

// images asks the registries about every image but the one that is built first.
func (e *examination) images(ctx context.Context) error {
	var errs []error
	for i, c := range e.Definition.ContainerDefinitions {
		if e.Built && e.AppSpec != nil && aws.ToString(c.Name) == e.AppSpec.Container() {
			continue
		}
		errs = append(errs, e.image(ctx, i, aws.ToString(c.Image)))
	}
	return errors.Join(errs...)
}

func (e *examination) image(ctx context.Context, i int, ref string) error {
	if strings.HasPrefix(ref, "<") || ref == "" {
		f := Finding{Warning, "images", fmt.Sprintf("the image %q is a placeholder", ref), e.container(i), "ECS will fail to pull it", "`turnout deploy --image` names one"}
		if e.Source && e.AppSpec != nil && aws.ToString(e.Definition.ContainerDefinitions[i].Name) == e.AppSpec.Container() {
			f.Severity, f.Why, f.Fix = Note, "it has to be built or named", "`turnout ship` builds it, `turnout deploy --image` names it"
		}
		e.found(f)
		return nil
	}
	auth, err := e.login(ctx, ref)
	if err != nil {
		return err
	}
	wanted := platform(e.Definition)
	info, err := image.Inspect(ctx, ref, image.InspectOptions{Auth: auth, Platform: wanted})
	switch {
	case errors.Is(err, image.ErrNoImage):
		e.found(Finding{Error, "images", "there is no image " + ref, e.container(i), "every task will stop with CannotPullContainerError", "push it first, or correct the tag"})
	case err != nil:
		return fmt.Errorf("image %s: %w", ref, err)
	case len(info.Platforms) > 0 && !slices.Contains(info.Platforms, wanted):
		e.found(Finding{Error, "images", fmt.Sprintf("%s is for %s, the task for %s", ref, strings.Join(info.Platforms, ", "), wanted), e.container(i), "every task will stop with exec format error", "build for " + wanted + " (image.platform), or set runtimePlatform.cpuArchitecture"})
	}
	return nil
}

// platform is what the definition runs on.
func platform(td ecstypes.TaskDefinition) string {
	os, cpu := "linux", "amd64"
	if p := td.RuntimePlatform; p != nil {
		if p.CpuArchitecture == ecstypes.CPUArchitectureArm64 {
			cpu = "arm64"
		}
		if strings.HasPrefix(string(p.OperatingSystemFamily), "WINDOWS") {
			os = "windows"
		}
	}
	return os + "/" + cpu
}

// private is the host of a private registry of ECR, or of a local cloud.
var private = regex.New(`^([0-9]{12}\.dkr\.ecr(-fips)?\.[a-z0-9-]+\.amazonaws\.com(\.cn)?|127\.[0-9.]+:[0-9]+)/`)

// login gets a registry's password from ECR, for its own images.
func (e *examination) login(ctx context.Context, ref string) (image.Auth, error) {
	if !private.MatchString(ref) {
		return image.Auth{}, nil
	}
	out, err := e.AWS.ECR().GetAuthorizationToken(ctx, &ecr.GetAuthorizationTokenInput{})
	if err != nil || len(out.AuthorizationData) == 0 {
		return image.Auth{}, err
	}
	raw, err := base64.StdEncoding.DecodeString(aws.ToString(out.AuthorizationData[0].AuthorizationToken))
	user, password, _ := strings.Cut(string(raw), ":")
	return image.Auth{Username: user, Password: password}, err
}

// roles makes sure that the task's roles exist and trust ECS, and CodeDeploy's trusts it.
func (e *examination) roles(ctx context.Context) error {
	var errs []error
	for field, role := range map[string]string{"executionRoleArn": aws.ToString(e.Definition.ExecutionRoleArn), "taskRoleArn": aws.ToString(e.Definition.TaskRoleArn)} {
		if role != "" {
			errs = append(errs, e.role(ctx, field, role, toECS))
		}
	}
	if e.Group != nil && e.Group.ServiceRoleArn != nil {
		errs = append(errs, e.role(ctx, "serviceRoleArn", *e.Group.ServiceRoleArn, toCodeDeploy))
	}
	if e.Definition.ExecutionRoleArn == nil && e.needsExecution() != "" {
		e.found(Finding{Error, "roles", "there is no execution role, but " + e.needsExecution(), e.File, "tasks cannot start on Fargate without it", "set executionRoleArn"})
	}
	return errors.Join(errs...)
}

// passed is who acts with a role, and what comes of it when it cannot.
type passed struct{ to, what string }

var (
	toECS        = passed{"ecs-tasks.amazonaws.com", "ECS was unable to assume the role: tasks will not start"}
	toCodeDeploy = passed{"codedeploy.amazonaws.com", "CodeDeploy cannot assume it: the deployment will fail at once"}
)

func (e *examination) role(ctx context.Context, field, role string, by passed) error {
	where := e.File + ", " + field
	if by == toCodeDeploy {
		where = "deployment group " + aws.ToString(e.Group.DeploymentGroupName) + ", " + field
	}
	if a, err := arn.Parse(role); err == nil && e.rep.Account != "" && a.AccountID != e.rep.Account {
		e.found(Finding{Error, "roles", fmt.Sprintf("%s is a role of account %s, the caller is in %s", field, a.AccountID, e.rep.Account), where, "roles of other accounts cannot be passed", "name a role of account " + e.rep.Account + ", or use its credentials"})
		return nil
	}
	short := name(role)
	out, err := e.AWS.IAM().GetRole(ctx, &iam.GetRoleInput{RoleName: &short})
	if code(err, "NoSuchEntity") {
		e.found(Finding{Error, "roles", "there is no role " + short, where, by.what, "create it, or correct " + field})
		return nil
	}
	if err != nil {
		return err
	}
	trust, err := url.PathUnescape(aws.ToString(out.Role.AssumeRolePolicyDocument))
	if err == nil && !strings.Contains(trust, by.to) {
		e.found(Finding{Error, "roles", "the role " + short + " does not trust " + by.to, aws.ToString(out.Role.Arn), by.what, "allow sts:AssumeRole to the service " + by.to + " in its trust policy"})
	}
	return nil
}

// needsExecution says what needs an execution role, "" for nothing.
func (e *examination) needsExecution() string {
	fargate := slices.Contains(e.Definition.RequiresCompatibilities, ecstypes.CompatibilityFargate)
	for _, c := range e.Definition.ContainerDefinitions {
		switch {
		case len(c.Secrets) > 0:
			return "container " + aws.ToString(c.Name) + " has secrets"
		case fargate && private.MatchString(aws.ToString(c.Image)):
			return "the image of container " + aws.ToString(c.Name) + " is in ECR"
		case fargate && c.LogConfiguration != nil && c.LogConfiguration.LogDriver == ecstypes.LogDriverAwslogs:
			return "container " + aws.ToString(c.Name) + " logs to CloudWatch"
		}
	}
	return ""
}

// logs makes sure that the log groups exist, unless the driver is to make them.
func (e *examination) logs(ctx context.Context) error {
	for i, c := range e.Definition.ContainerDefinitions {
		l := c.LogConfiguration
		if l == nil || l.LogDriver != ecstypes.LogDriverAwslogs || l.Options["awslogs-create-group"] == "true" {
			continue
		}
		group := l.Options["awslogs-group"]
		if group == "" {
			e.found(Finding{Error, "logs", "awslogs-group is not set", e.container(i), "ECS will refuse the task definition", "name the log group"})
			continue
		}
		if r := l.Options["awslogs-region"]; r != "" && r != e.AWS.Region {
			e.found(Finding{Note, "logs", fmt.Sprintf("logs go to region %s, the service runs in %s", r, e.AWS.Region), e.container(i), "", ""})
			continue
		}
		out, err := e.AWS.Logs().DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &group})
		if err != nil {
			return err
		}
		exists := false
		for _, g := range out.LogGroups {
			exists = exists || aws.ToString(g.LogGroupName) == group
		}
		if !exists {
			e.found(Finding{Error, "logs", "there is no log group " + group, e.container(i), "tasks will stop with ResourceInitializationError", "create it, or set awslogs-create-group"})
		}
	}
	return nil
}

// secrets makes sure that parameters and secrets exist. Their values are not read.
func (e *examination) secrets(ctx context.Context) error {
	var errs []error
	for i, c := range e.Definition.ContainerDefinitions {
		for _, s := range c.Secrets {
			errs = append(errs, e.secret(ctx, i, aws.ToString(s.Name), aws.ToString(s.ValueFrom)))
		}
	}
	return errors.Join(errs...)
}

func (e *examination) secret(ctx context.Context, i int, variable, from string) error {
	var err error
	where := fmt.Sprintf("%s, secret %s", e.container(i), variable)
	if strings.Contains(from, ":secretsmanager:") {
		id := strings.Join(strings.SplitN(from, ":", 8)[:7], ":") // without key, stage and version
		_, err = secretsmanager.NewFromConfig(e.AWS.Config()).DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &id})
	} else {
		parameter := from
		if a, perr := arn.Parse(from); perr == nil {
			parameter = strings.TrimPrefix(a.Resource, "parameter")
		}
		if _, simple := strings.CutPrefix(parameter, "/"); simple && strings.Count(parameter, "/") == 1 && from != parameter {
			parameter = parameter[1:] // in an ARN, the slash of a name without a path is ARN's own
		}
		var out *ssm.DescribeParametersOutput
		out, err = ssm.NewFromConfig(e.AWS.Config()).DescribeParameters(ctx, parametersNamed(parameter))
		if err == nil && len(out.Parameters) == 0 {
			e.found(Finding{Error, "secrets", "there is no parameter " + parameter, where, "tasks will stop with ResourceInitializationError", "create it in Parameter Store, or correct valueFrom"})
		}
	}
	if code(err, "ResourceNotFoundException") {
		e.found(Finding{Error, "secrets", "there is no secret " + name(from), where, "tasks will stop with ResourceInitializationError", "create it in Secrets Manager, or correct valueFrom"})
		return nil
	}
	return err
}
