package cloud

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsssm "github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/turnoutdev/turnout/cloud/internal/s3"
	"github.com/turnoutdev/turnout/cloud/internal/ssm"
)

// maxEnvFile bounds an environment file.
const maxEnvFile = 1 << 20

// secrets reads what the containers' secrets of a task are taken from.
func secrets(params *ssm.Service) func(context.Context, string) (string, error) {
	return func(ctx context.Context, from string) (string, error) {
		out, err := params.GetParameter(ctx, &awsssm.GetParameterInput{Name: &from, WithDecryption: aws.Bool(true)})
		if err != nil {
			return "", err
		}
		return aws.ToString(out.Parameter.Value), nil
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
