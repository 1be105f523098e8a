package cloud_test

import (
	"context"
	"errors"
	"io"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	smtypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

const pullPolicy = `{"Version":"2008-10-17","Statement":[{"Sid":"Pull","Effect":"Allow","Principal":"*","Action":"ecr:BatchGetImage"}]}`

var pullLife = life{
	resource: "aws_ecr_repository_policy", missing: "RepositoryNotFoundException",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.ecr.SetRepositoryPolicy(ctx, &ecr.SetRepositoryPolicyInput{RepositoryName: aws.String("web"), PolicyText: aws.String(pullPolicy)}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.ecr.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: aws.String("web")})
		if err != nil {
			return err
		}
		return same("names", strings.Contains(*out.PolicyText, "ecr:BatchGetImage"), true)
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		in := &ecr.GetRepositoryPolicyInput{RepositoryName: aws.String("web")}
		return errors.Join(only(tf.ecr.DeleteRepositoryPolicy(ctx, &ecr.DeleteRepositoryPolicyInput{RepositoryName: aws.String("web")})),
			absent(only(tf.ecr.GetRepositoryPolicy(ctx, in)), "RepositoryPolicyNotFoundException"))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.ecr.GetRepositoryPolicy(ctx, &ecr.GetRepositoryPolicyInput{RepositoryName: aws.String("web")}))
	},
}

var policyLife = life{
	resource: "aws_iam_policy", missing: "NoSuchEntity",
	create: func(ctx context.Context, tf *terraform) error {
		out, err := tf.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{
			PolicyName: aws.String("deploy"), Path: aws.String("/"), PolicyDocument: aws.String(passPolicy), Tags: []iamtypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
		})
		if err == nil {
			tf.policy = *out.Policy.Arn
		}
		return err
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &tf.policy})
		if err != nil {
			return err
		}
		v, err := tf.iam.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: &tf.policy, VersionId: out.Policy.DefaultVersionId})
		if err != nil {
			return err
		}
		doc, err := url.QueryUnescape(*v.PolicyVersion.Document)
		return errors.Join(err, same("document", doc, passPolicy), same("attached", *out.Policy.AttachmentCount, int32(0)), same("tags", len(out.Policy.Tags), 1))
	},
	tag: func(ctx context.Context, tf *terraform) error { // a new version; the oldest would go if there were five
		_, listed := tf.iam.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: &tf.policy})
		_, made := tf.iam.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: &tf.policy, PolicyDocument: aws.String(passPolicy), SetAsDefault: true})
		return errors.Join(listed, made)
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		out, err := tf.iam.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: &tf.policy})
		if err != nil {
			return err
		}
		var errs []error
		for _, v := range out.Versions {
			if !v.IsDefaultVersion {
				errs = append(errs, only(tf.iam.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: &tf.policy, VersionId: v.VersionId})))
			}
		}
		return errors.Join(append(errs, only(tf.iam.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: &tf.policy})))...)
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.iam.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: &tf.policy}))
	},
}

var parameterLife = life{
	resource: "aws_ssm_parameter", missing: "ParameterNotFound",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.ssm().PutParameter(ctx, &ssm.PutParameterInput{
			Name: aws.String("/web/greeting"), Type: ssmtypes.ParameterTypeSecureString, Value: aws.String("hello"), AllowedPattern: aws.String(""), Description: aws.String("What it says"),
			Tags: []ssmtypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
		}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		got, err := tf.ssm().GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/web/greeting"), WithDecryption: aws.Bool(true)})
		if err != nil {
			return err
		}
		out, err := tf.ssm().DescribeParameters(ctx, &ssm.DescribeParametersInput{ParameterFilters: []ssmtypes.ParameterStringFilter{{Key: aws.String("Name"), Option: aws.String("Equals"), Values: []string{"/web/greeting"}}}})
		if err != nil {
			return err
		}
		tags, err := tf.ssm().ListTagsForResource(ctx, &ssm.ListTagsForResourceInput{ResourceType: ssmtypes.ResourceTypeForTaggingParameter, ResourceId: aws.String("/web/greeting")})
		if err != nil {
			return err
		}
		p := out.Parameters[0]
		return errors.Join(same("value", *got.Parameter.Value, "hello"), same("description", *p.Description, "What it says"), same("tier", p.Tier, ssmtypes.ParameterTierStandard),
			same("key", *p.KeyId, "alias/aws/ssm"), same("data type", *p.DataType, "text"), same("pattern", p.AllowedPattern == nil, true), same("tags", len(tags.TagList), 1))
	},
	tag: func(ctx context.Context, tf *terraform) error {
		return only(tf.ssm().PutParameter(ctx, &ssm.PutParameterInput{
			Name: aws.String("/web/greeting"), Type: ssmtypes.ParameterTypeSecureString, Value: aws.String("hello"), AllowedPattern: aws.String(""), Overwrite: aws.Bool(true),
			Tier: ssmtypes.ParameterTierStandard, Description: aws.String("What it says"), KeyId: aws.String("alias/aws/ssm"),
		}))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.ssm().DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: aws.String("/web/greeting")}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.ssm().GetParameter(ctx, &ssm.GetParameterInput{Name: aws.String("/web/greeting"), WithDecryption: aws.Bool(true)}))
	},
}

func (tf *terraform) ssm() *ssm.Client { return ssm.NewFromConfig(tf.cfg) }

var secretLife = life{
	resource: "aws_secretsmanager_secret", missing: "ResourceNotFoundException",
	create: func(ctx context.Context, tf *terraform) error {
		c := tf.secrets()
		out, err := c.CreateSecret(ctx, &secretsmanager.CreateSecretInput{
			Name: aws.String("web/database"), ClientRequestToken: aws.String("terraform-20261124000000000000000003"), Description: aws.String("Database"),
			Tags: []smtypes.Tag{{Key: aws.String("team"), Value: aws.String("shop")}},
		})
		if err != nil {
			return err
		}
		tf.secret = *out.ARN
		put, err := c.PutSecretValue(ctx, &secretsmanager.PutSecretValueInput{SecretId: &tf.secret, SecretString: aws.String("one"), ClientRequestToken: aws.String("terraform-20261124000000000000000004")})
		if err == nil {
			err = same("version", *put.VersionId, "terraform-20261124000000000000000004")
		}
		return err
	},
	read: func(ctx context.Context, tf *terraform) error {
		c := tf.secrets()
		out, err := c.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &tf.secret})
		if err != nil {
			return err
		}
		policy, err := c.GetResourcePolicy(ctx, &secretsmanager.GetResourcePolicyInput{SecretId: &tf.secret})
		if err != nil {
			return err
		}
		v, err := c.GetSecretValue(ctx, &secretsmanager.GetSecretValueInput{SecretId: &tf.secret, VersionId: aws.String("terraform-20261124000000000000000004")})
		if err != nil {
			return err
		}
		return errors.Join(same("description", *out.Description, "Database"), same("deleted", out.DeletedDate == nil, true), same("tags", len(out.Tags), 1), same("policy", policy.ResourcePolicy == nil, true),
			same("value", *v.SecretString, "one"), same("stages", v.VersionStages, []string{"AWSCURRENT"}))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.secrets().DeleteSecret(ctx, &secretsmanager.DeleteSecretInput{SecretId: &tf.secret, ForceDeleteWithoutRecovery: aws.Bool(true)}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.secrets().DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &tf.secret}))
	},
}

func (tf *terraform) secrets() *secretsmanager.Client { return secretsmanager.NewFromConfig(tf.cfg) }

var objectLife = life{
	resource: "aws_s3_object", missing: "NotFound",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().PutObject(ctx, &s3.PutObjectInput{
			Bucket: bucketName, Key: aws.String("deploy/appspec.json"), Body: strings.NewReader("{}"), ContentType: aws.String("application/json"), CacheControl: aws.String("no-store"),
			ChecksumAlgorithm: s3types.ChecksumAlgorithmCrc32, Tagging: aws.String("team=shop"),
		}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.s3().HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucketName, Key: aws.String("deploy/appspec.json"), ChecksumMode: s3types.ChecksumModeEnabled})
		if err != nil {
			return err
		}
		tags, err := tf.s3().GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: bucketName, Key: aws.String("deploy/appspec.json")})
		if err != nil {
			return err
		}
		return errors.Join(same("type", *out.ContentType, "application/json"), same("cache", *out.CacheControl, "no-store"), same("etag", strings.Trim(*out.ETag, `"`), "99914b932bd37a50b983c5e7c90ae93b"),
			same("checksum", aws.ToString(out.ChecksumCRC32), "o6a/Qw=="), same("tags", tags.TagSet, []s3types.Tag{{Key: aws.String("team"), Value: aws.String("shop")}}))
	},
	destroy: func(ctx context.Context, tf *terraform) error { // of all versions, as the provider does
		out, err := tf.s3().ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: bucketName, Prefix: aws.String("deploy/appspec.json")})
		if err != nil {
			return err
		}
		var errs []error
		for _, v := range out.Versions {
			errs = append(errs, only(tf.s3().DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: bucketName, Key: v.Key, VersionId: v.VersionId})))
		}
		got, err := tf.s3().GetObject(ctx, &s3.GetObjectInput{Bucket: bucketName, Key: aws.String("deploy/appspec.json")})
		if err == nil {
			_, _ = io.Copy(io.Discard, got.Body)
			errs = append(errs, errors.New("it is still there"))
		}
		return errors.Join(errs...)
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().HeadObject(ctx, &s3.HeadObjectInput{Bucket: bucketName, Key: aws.String("deploy/appspec.json")}))
	},
}
