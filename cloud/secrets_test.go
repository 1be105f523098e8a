package cloud_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/turnoutdev/turnout/cloud"
)

// secretRevision registers a revision whose STATUS is set by change.
func (s *site) secretRevision(change func(*types.ContainerDefinition)) string {
	s.Helper()
	client := ecs.NewFromConfig(s.cfg)
	td := must(client.DescribeTaskDefinition(s.Context(), &ecs.DescribeTaskDefinitionInput{TaskDefinition: aws.String(s.revision("200"))})).TaskDefinition
	c := td.ContainerDefinitions[0]
	c.Environment = nil
	change(&c)
	out := must(client.RegisterTaskDefinition(s.Context(), &ecs.RegisterTaskDefinitionInput{
		Family: td.Family, NetworkMode: td.NetworkMode, Cpu: td.Cpu, Memory: td.Memory, RequiresCompatibilities: td.RequiresCompatibilities,
		ExecutionRoleArn: td.ExecutionRoleArn, ContainerDefinitions: []types.ContainerDefinition{c},
	}))
	return *out.TaskDefinition.TaskDefinitionArn
}

// Secrets of the Parameter Store and environment files in S3 reach a task when it starts,
// by its execution role, and stand nowhere else.
func TestSecretsAndEnvironmentFilesOfTasks(t *testing.T) {
	t.Parallel()
	s := started(t, cloud.Options{Driver: "native", TimeScale: 600}).site()
	ctx := t.Context()
	param := must(ssm.NewFromConfig(s.cfg).PutParameter(ctx, &ssm.PutParameterInput{Name: aws.String("/web/status"), Value: aws.String("203"), Type: ssmtypes.ParameterTypeSecureString}))
	if param.Version != 1 {
		t.Fatal(param)
	}
	objects := s3.NewFromConfig(s.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	must(objects.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("settings")}))
	must(objects.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("settings"), Key: aws.String("web/prod.env"), Body: strings.NewReader("# how it answers\nSTATUS=202\n")}))
	secret := s.secretRevision(func(c *types.ContainerDefinition) {
		c.Secrets = []types.Secret{{Name: aws.String("STATUS"), ValueFrom: aws.String("arn:aws:ssm:us-east-1:123456789012:parameter/web/status")}}
	})
	vault := must(secretsmanager.NewFromConfig(s.cfg).CreateSecret(ctx, &secretsmanager.CreateSecretInput{Name: aws.String("web/settings"), SecretString: aws.String(`{"status": 206, "password": "x"}`)}))
	member := s.secretRevision(func(c *types.ContainerDefinition) {
		c.Secrets = []types.Secret{{Name: aws.String("STATUS"), ValueFrom: aws.String(*vault.ARN + ":status::")}}
	})
	file := s.secretRevision(func(c *types.ContainerDefinition) {
		c.EnvironmentFiles = []types.EnvironmentFile{{Type: types.EnvironmentFileTypeS3, Value: aws.String("arn:aws:s3:::settings/web/prod.env")}}
	})

	// The execution role may not yet.
	run := func(definition string) types.Task {
		t.Helper()
		client := ecs.NewFromConfig(s.cfg)
		out := must(client.RunTask(ctx, &ecs.RunTaskInput{
			Cluster: aws.String("demo"), TaskDefinition: &definition, LaunchType: types.LaunchTypeFargate,
			NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{Subnets: []string{"subnet-0123456789abcdef0"}}},
		}))
		var task types.Task
		s.until("the task stops", func() bool {
			task = must(client.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: aws.String("demo"), Tasks: []string{*out.Tasks[0].TaskArn}})).Tasks[0]
			return *task.LastStatus == "STOPPED"
		})
		return task
	}
	for definition, says := range map[string]string{secret: "is not authorized to perform: ssm:GetParameters on resource: arn:aws:ssm:us-east-1:123456789012:parameter/web/status", file: "s3:GetObject"} {
		if task := run(definition); !strings.HasPrefix(*task.StoppedReason, "ResourceInitializationError: ") || !strings.Contains(*task.StoppedReason, says) {
			t.Errorf("stopped because %s", *task.StoppedReason)
		}
	}

	must(iam.NewFromConfig(s.cfg).PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: aws.String("execution"), PolicyName: aws.String("secrets"), PolicyDocument: aws.String(
		`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["ssm:GetParameters", "secretsmanager:GetSecretValue", "s3:GetObject"], "Resource": "*"}]}`)}))
	for _, c := range []struct {
		definition string
		status     int
	}{{secret, 203}, {member, 206}, {file, 202}} {
		if d := s.ended(s.deploy(c.definition)); d.Status != "Succeeded" {
			t.Fatalf("%s: %s", d.Status, why(d))
		}
		if got := s.get(s.url); got != c.status {
			t.Errorf("the service answers %d, want %d", got, c.status)
		}
	}
	none := s.secretRevision(func(c *types.ContainerDefinition) {
		c.Secrets = []types.Secret{{Name: aws.String("STATUS"), ValueFrom: aws.String("/no/such")}}
	})
	if task := run(none); !strings.Contains(*task.StoppedReason, "invalid ssm parameters: /no/such") {
		t.Errorf("stopped because %s", *task.StoppedReason)
	}
	if got := s.python(`import boto3
c = boto3.client("secretsmanager")
print(c.get_secret_value(SecretId="web/settings")["SecretString"], [x["Name"] for x in c.get_paginator("list_secrets").paginate().build_full_result()["SecretList"]])`); got != `{"status": 206, "password": "x"} ['web/settings']` {
		t.Errorf("boto3: %s", got)
	}
}
