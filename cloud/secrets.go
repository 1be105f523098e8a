package cloud

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/turnoutdev/turnout/cloud/internal/s3"
	"github.com/turnoutdev/turnout/cloud/internal/secretsmanager"
	"github.com/turnoutdev/turnout/cloud/internal/ssm"
)

// maxEnvFile bounds an environment file.
const maxEnvFile = 1 << 20

// secrets reads what the containers' secrets of a task are taken from.
func secrets(params *ssm.Service, vault *secretsmanager.Service) func(context.Context, string) (string, error) {
	return func(ctx context.Context, from string) (string, error) {
		if strings.Contains(from, ":secretsmanager:") {
			return fromVault(ctx, vault, from)
		}
		out, err := params.GetParameter(ctx, &awsssm.GetParameterInput{Name: &from, WithDecryption: aws.Bool(true)})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.Parameter.Value), nil
	}
}

// fromVault reads a secret by its ARN and what may follow it: :json-key:version-stage:version-id.
func fromVault(ctx context.Context, vault *secretsmanager.Service, from string) (string, error) {
	parts := append(strings.Split(from, ":"), "", "", "")
	if len(parts) < 10 {
		return "", fmt.Errorf("%q is not a secret's ARN", from)
	}
	in := &awssm.GetSecretValueInput{SecretId: aws.String(strings.Join(parts[:7], ":"))}
	if stage := parts[8]; stage != "" {
		in.VersionStage = &stage
	}
	if id := parts[9]; id != "" {
		in.VersionId = &id
	}
	out, err := vault.GetSecretValue(ctx, in)
	if err != nil {
		return "", err
	}
	value := aws.ToString(out.SecretString)
	if out.SecretString == nil {
		value = string(out.SecretBinary)
	}
	key := parts[7]
	if key == "" {
		return value, nil
	}
	var members map[string]any
	if err := json.Unmarshal([]byte(value), &members); err != nil {
		return "", fmt.Errorf("retrieved secret from Secrets Manager did not contain json key %s", key) // what it contains is nobody's business
	}
	switch v := members[key].(type) {
	case nil:
		return "", fmt.Errorf("retrieved secret from Secrets Manager did not contain json key %s", key)
	case string:
		return v, nil
	default:
		b, err := json.Marshal(v)
		return string(b), err
	}
}

// environmentFiles reads environment files by their objects' ARNs.
func environmentFiles(objects *s3.Service) func(context.Context, string) ([]byte, error) {
	return func(ctx context.Context, arn string) ([]byte, error) {
		_, path, ok := strings.Cut(arn, ":::")
		bucket, key, slash := strings.Cut(path, "/")
		if !ok || !slash {
			return nil, fmt.Errorf("%q is not an S3 object's ARN", arn)
		}
		b, _, err := objects.Object(ctx, bucket, key, "", maxEnvFile)
		return b, err
	}
}
