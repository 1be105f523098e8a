package cloud_test

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// s3 is the provider's client: path style, as its s3_use_path_style has it for endpoints of
// one's own.
func (tf *terraform) s3() *s3.Client {
	return s3.NewFromConfig(tf.cfg, func(o *s3.Options) { o.UsePathStyle = true })
}

var bucketName = aws.String("artifacts")

// absent are the errors that the provider takes for settings that a bucket does not have.
func absent(err error, code string) error {
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == code {
		return nil
	}
	return errors.Join(errors.New("want "+code), err)
}

// readBucket is what reading an aws_s3_bucket asks for, whatever it manages.
func readBucket(ctx context.Context, tf *terraform) error {
	c, b := tf.s3(), bucketName
	if _, err := c.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: b}); err != nil {
		return err
	}
	acl, err := c.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: b})
	if err != nil {
		return err
	}
	payer, err := c.GetBucketRequestPayment(ctx, &s3.GetBucketRequestPaymentInput{Bucket: b})
	if err != nil {
		return err
	}
	tags, err := c.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: b})
	if err != nil {
		return err
	}
	return errors.Join(
		same("grants", acl.Grants[0].Permission, types.PermissionFullControl), same("payer", payer.Payer, types.PayerBucketOwner),
		same("tags", tags.TagSet, []types.Tag{{Key: aws.String("team"), Value: aws.String("shop")}}),
		absent(only(c.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: b})), "NoSuchCORSConfiguration"),
		absent(only(c.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: b})), "NoSuchWebsiteConfiguration"),
		absent(only(c.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: b})), "NoSuchLifecycleConfiguration"),
		absent(only(c.GetBucketReplication(ctx, &s3.GetBucketReplicationInput{Bucket: b})), "ReplicationConfigurationNotFoundError"),
		absent(only(c.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: b})), "ObjectLockConfigurationNotFoundError"),
		only(c.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: b})),
		only(c.GetBucketAccelerateConfiguration(ctx, &s3.GetBucketAccelerateConfigurationInput{Bucket: b})),
		only(c.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: b})),
		only(c.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: b})),
		only(c.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: b})),
	)
}

var bucketLife = life{
	resource: "aws_s3_bucket", missing: "NotFound", read: readBucket,
	create: func(ctx context.Context, tf *terraform) error {
		_, err := tf.s3().CreateBucket(ctx, &s3.CreateBucketInput{Bucket: bucketName})
		if err != nil {
			return err
		}
		return only(tf.s3().PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: bucketName, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("team"), Value: aws.String("shop")}}}}))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: bucketName}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().HeadBucket(ctx, &s3.HeadBucketInput{Bucket: bucketName}))
	},
}

var bucketVersioningLife = life{
	resource: "aws_s3_bucket_versioning",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: bucketName, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.s3().GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: bucketName})
		if err != nil {
			return err
		}
		return same("versioning", out.Status, types.BucketVersioningStatusEnabled)
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: bucketName, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusSuspended}}))
	},
	gone: nothing,
}

func nothing(context.Context, *terraform) error { return nil }

var closed = types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true), IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true)}

var bucketBlockLife = life{
	resource: "aws_s3_bucket_public_access_block", missing: "NoSuchBucket",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: bucketName, PublicAccessBlockConfiguration: &closed}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.s3().GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: bucketName})
		if err != nil {
			return err
		}
		return same("public access block", *out.PublicAccessBlockConfiguration, closed)
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: bucketName}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: bucketName}))
	},
}

var sealedRule = types.ServerSideEncryptionRule{BucketKeyEnabled: aws.Bool(true), ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms}}

var bucketEncryptionLife = life{
	resource: "aws_s3_bucket_server_side_encryption_configuration", missing: "NoSuchBucket",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: bucketName, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{sealedRule}}}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.s3().GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: bucketName})
		if err != nil {
			return err
		}
		return same("encryption", out.ServerSideEncryptionConfiguration.Rules, []types.ServerSideEncryptionRule{sealedRule})
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().DeleteBucketEncryption(ctx, &s3.DeleteBucketEncryptionInput{Bucket: bucketName}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: bucketName}))
	},
}

var bucketOwnershipLife = life{
	resource: "aws_s3_bucket_ownership_controls", missing: "NoSuchBucket",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: bucketName, OwnershipControls: &types.OwnershipControls{
			Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipBucketOwnerPreferred}},
		}}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.s3().GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: bucketName})
		if err != nil {
			return err
		}
		return same("ownership", out.OwnershipControls.Rules[0].ObjectOwnership, types.ObjectOwnershipBucketOwnerPreferred)
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().DeleteBucketOwnershipControls(ctx, &s3.DeleteBucketOwnershipControlsInput{Bucket: bucketName}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: bucketName}))
	},
}

const tlsPolicy = `{"Statement":[{"Action":"s3:*","Condition":{"Bool":{"aws:SecureTransport":"false"}},"Effect":"Deny","Principal":"*","Resource":["arn:aws:s3:::artifacts","arn:aws:s3:::artifacts/*"],"Sid":"TLS"}],"Version":"2012-10-17"}`

var bucketPolicyLife = life{
	resource: "aws_s3_bucket_policy", missing: "NoSuchBucket",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: bucketName, Policy: aws.String(tlsPolicy)}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.s3().GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucketName})
		if err != nil {
			return err
		}
		return same("policy", *out.Policy, tlsPolicy)
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: bucketName}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.s3().GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucketName}))
	},
}
