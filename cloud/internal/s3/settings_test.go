package s3

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// about reads a setting of the bucket b and returns what matters of it, or its error's code.
func about[O any](get func(context.Context) (*O, error), pick func(*O) any) func(context.Context) any {
	return func(ctx context.Context) any {
		out, err := get(ctx)
		if err != nil {
			return coded(err)
		}
		return pick(out)
	}
}

// A bucket has the defaults that AWS's have since 2023, keeps what it is given, and has
// none or the default again when that is deleted.
func TestSettings(t *testing.T) {
	s := setStage(t)
	b := s.bucket("settings", false)
	ctx := t.Context()
	for _, c := range []struct {
		name              string
		first, then, last any
		get               func(context.Context) any
		put, remove       func(context.Context) error
	}{
		{
			"public access block", true, false, "NoSuchPublicAccessBlockConfiguration",
			about(func(ctx context.Context) (*s3.GetPublicAccessBlockOutput, error) {
				return s.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: b})
			}, func(o *s3.GetPublicAccessBlockOutput) any { return *o.PublicAccessBlockConfiguration.BlockPublicPolicy }),
			func(ctx context.Context) error {
				_, err := s.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: b, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicPolicy: aws.Bool(false)}})
				return err
			},
			func(ctx context.Context) error {
				_, err := s.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: b})
				return err
			},
		},
		{
			"ownership", types.ObjectOwnershipBucketOwnerEnforced, types.ObjectOwnershipObjectWriter, "OwnershipControlsNotFoundError",
			about(func(ctx context.Context) (*s3.GetBucketOwnershipControlsOutput, error) {
				return s.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: b})
			}, func(o *s3.GetBucketOwnershipControlsOutput) any { return o.OwnershipControls.Rules[0].ObjectOwnership }),
			func(ctx context.Context) error {
				_, err := s.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: b, OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipObjectWriter}}}})
				return err
			},
			func(ctx context.Context) error {
				_, err := s.DeleteBucketOwnershipControls(ctx, &s3.DeleteBucketOwnershipControlsInput{Bucket: b})
				return err
			},
		},
		{
			"encryption", types.ServerSideEncryptionAes256, types.ServerSideEncryptionAwsKms, types.ServerSideEncryptionAes256,
			about(func(ctx context.Context) (*s3.GetBucketEncryptionOutput, error) {
				return s.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: b})
			}, func(o *s3.GetBucketEncryptionOutput) any {
				return o.ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.SSEAlgorithm
			}),
			func(ctx context.Context) error {
				_, err := s.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: b, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
					ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms},
				}}}})
				return err
			},
			func(ctx context.Context) error {
				_, err := s.DeleteBucketEncryption(ctx, &s3.DeleteBucketEncryptionInput{Bucket: b})
				return err
			},
		},
		{
			"lifecycle", "NoSuchLifecycleConfiguration", "old 30 all_storage_classes_128K", "NoSuchLifecycleConfiguration",
			about(func(ctx context.Context) (*s3.GetBucketLifecycleConfigurationOutput, error) {
				return s.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: b})
			}, func(o *s3.GetBucketLifecycleConfigurationOutput) any {
				return *o.Rules[0].ID + " 30 " + string(o.TransitionDefaultMinimumObjectSize)
			}),
			func(ctx context.Context) error {
				_, err := s.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: b, LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
					ID: aws.String("old"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("a/")}, Expiration: &types.LifecycleExpiration{Days: aws.Int32(30)},
				}}}})
				return err
			},
			func(ctx context.Context) error {
				_, err := s.DeleteBucketLifecycle(ctx, &s3.DeleteBucketLifecycleInput{Bucket: b})
				return err
			},
		},
		{
			"CORS", "NoSuchCORSConfiguration", "https://a.example", "NoSuchCORSConfiguration",
			about(func(ctx context.Context) (*s3.GetBucketCorsOutput, error) {
				return s.GetBucketCors(ctx, &s3.GetBucketCorsInput{Bucket: b})
			},
				func(o *s3.GetBucketCorsOutput) any { return o.CORSRules[0].AllowedOrigins[0] }),
			func(ctx context.Context) error {
				_, err := s.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: b, CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"https://a.example"}}}}})
				return err
			},
			func(ctx context.Context) error {
				_, err := s.DeleteBucketCors(ctx, &s3.DeleteBucketCorsInput{Bucket: b})
				return err
			},
		},
		{
			"website", "NoSuchWebsiteConfiguration", "index.html", "NoSuchWebsiteConfiguration",
			about(func(ctx context.Context) (*s3.GetBucketWebsiteOutput, error) {
				return s.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: b})
			}, func(o *s3.GetBucketWebsiteOutput) any { return *o.IndexDocument.Suffix }),
			func(ctx context.Context) error {
				_, err := s.PutBucketWebsite(ctx, &s3.PutBucketWebsiteInput{Bucket: b, WebsiteConfiguration: &types.WebsiteConfiguration{IndexDocument: &types.IndexDocument{Suffix: aws.String("index.html")}}})
				return err
			},
			func(ctx context.Context) error {
				_, err := s.DeleteBucketWebsite(ctx, &s3.DeleteBucketWebsiteInput{Bucket: b})
				return err
			},
		},
		{
			"logging", false, true, false,
			about(func(ctx context.Context) (*s3.GetBucketLoggingOutput, error) {
				return s.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: b})
			}, func(o *s3.GetBucketLoggingOutput) any { return o.LoggingEnabled != nil }),
			func(ctx context.Context) error {
				_, err := s.PutBucketLogging(ctx, &s3.PutBucketLoggingInput{Bucket: b, BucketLoggingStatus: &types.BucketLoggingStatus{LoggingEnabled: &types.LoggingEnabled{TargetBucket: b, TargetPrefix: aws.String("log/")}}})
				return err
			},
			func(ctx context.Context) error {
				_, err := s.PutBucketLogging(ctx, &s3.PutBucketLoggingInput{Bucket: b, BucketLoggingStatus: &types.BucketLoggingStatus{}})
				return err
			},
		},
		{
			"notification", false, true, false,
			about(func(ctx context.Context) (*s3.GetBucketNotificationConfigurationOutput, error) {
				return s.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: b})
			}, func(o *s3.GetBucketNotificationConfigurationOutput) any { return o.EventBridgeConfiguration != nil }),
			func(ctx context.Context) error {
				_, err := s.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{Bucket: b, NotificationConfiguration: &types.NotificationConfiguration{EventBridgeConfiguration: &types.EventBridgeConfiguration{}}})
				return err
			},
			func(ctx context.Context) error {
				_, err := s.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{Bucket: b, NotificationConfiguration: &types.NotificationConfiguration{}})
				return err
			},
		},
		{
			"acceleration", types.BucketAccelerateStatus(""), types.BucketAccelerateStatusEnabled, types.BucketAccelerateStatusSuspended,
			about(func(ctx context.Context) (*s3.GetBucketAccelerateConfigurationOutput, error) {
				return s.GetBucketAccelerateConfiguration(ctx, &s3.GetBucketAccelerateConfigurationInput{Bucket: b})
			}, func(o *s3.GetBucketAccelerateConfigurationOutput) any { return o.Status }),
			accelerate(s, b, types.BucketAccelerateStatusEnabled), accelerate(s, b, types.BucketAccelerateStatusSuspended),
		},
		{
			"payer", types.PayerBucketOwner, types.PayerRequester, types.PayerBucketOwner,
			about(func(ctx context.Context) (*s3.GetBucketRequestPaymentOutput, error) {
				return s.GetBucketRequestPayment(ctx, &s3.GetBucketRequestPaymentInput{Bucket: b})
			}, func(o *s3.GetBucketRequestPaymentOutput) any { return o.Payer }),
			pay(s, b, types.PayerRequester), pay(s, b, types.PayerBucketOwner),
		},
	} {
		read := func(when string, want any) {
			if got := c.get(ctx); !reflect.DeepEqual(got, want) {
				t.Errorf("%s %s: %v, want %v", c.name, when, got, want)
			}
		}
		read("at first", c.first)
		if err := c.put(ctx); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		read("when set", c.then)
		if err := c.remove(ctx); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		read("when removed", c.last)
	}
}

func accelerate(s *stage, b *string, status types.BucketAccelerateStatus) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := s.PutBucketAccelerateConfiguration(ctx, &s3.PutBucketAccelerateConfigurationInput{Bucket: b, AccelerateConfiguration: &types.AccelerateConfiguration{Status: status}})
		return err
	}
}

func pay(s *stage, b *string, payer types.Payer) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := s.PutBucketRequestPayment(ctx, &s3.PutBucketRequestPaymentInput{Bucket: b, RequestPaymentConfiguration: &types.RequestPaymentConfiguration{Payer: payer}})
		return err
	}
}

// Objects tell that they are encrypted, as the bucket says.
func TestObjectsTellOfTheirEncryption(t *testing.T) {
	s := setStage(t)
	b := s.bucket("sealed", false)
	if got := s.put(b, "k", "x").ServerSideEncryption; got != types.ServerSideEncryptionAes256 {
		t.Errorf("put: %q", got)
	}
	must(s.PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{Bucket: b, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
		ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms},
	}}}}))
	must(s.CopyObject(t.Context(), &s3.CopyObjectInput{Bucket: b, Key: aws.String("c"), CopySource: aws.String("sealed/k"), MetadataDirective: types.MetadataDirectiveReplace}))
	if got := must(s.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: b, Key: aws.String("c")})).ServerSideEncryption; got != types.ServerSideEncryptionAwsKms {
		t.Errorf("copy: %q", got)
	}
}

func TestSettingsThatAreRefused(t *testing.T) {
	s := setStage(t)
	b := s.bucket("refused", false)
	ctx := t.Context()
	for want, err := range map[string]error{
		"MalformedXML":                  last(s.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: b, OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: "Nobody"}}}})),
		"InvalidRequest":                last(s.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: b, CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{AllowedMethods: []string{"PATCH"}, AllowedOrigins: []string{"*"}}}}})),
		"InvalidTargetBucketForLogging": last(s.PutBucketLogging(ctx, &s3.PutBucketLoggingInput{Bucket: b, BucketLoggingStatus: &types.BucketLoggingStatus{LoggingEnabled: &types.LoggingEnabled{TargetBucket: aws.String("nowhere"), TargetPrefix: aws.String("")}}})),
		"InvalidArgument": last(s.PutBucketNotificationConfiguration(ctx, &s3.PutBucketNotificationConfigurationInput{Bucket: b, NotificationConfiguration: &types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{
			{QueueArn: aws.String("arn:aws:sqs:us-east-1:123456789012:q"), Events: []types.Event{types.EventS3ObjectCreated}},
		}}})),
		"MalformedPolicy":                     last(s.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: b, Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"s3:*","Resource":"arn:aws:s3:::other/*"}]}`)})),
		"NoSuchBucketPolicy":                  last(s.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: b})),
		"AccessControlListNotSupported":       last(s.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: b, ACL: types.BucketCannedACLPrivate})),
		"InvalidBucketAclWithObjectOwnership": last(s.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("open"), ACL: types.BucketCannedACLPublicRead})),
		"AccessDenied":                        last(s.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: b, Policy: aws.String(everyone("refused"))})),
	} {
		if got := coded(err); got != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	if got := coded(last(s.PutObject(ctx, &s3.PutObjectInput{Bucket: b, Key: aws.String("k"), ACL: types.ObjectCannedACLPublicRead, Body: strings.NewReader("x")}))); got != "AccessControlListNotSupported" {
		t.Errorf("an object's ACL: %s", got)
	}
	s.put(b, "k", "x", func(in *s3.PutObjectInput) { in.ACL = types.ObjectCannedACLBucketOwnerFullControl }) // what it has anyway
}

// last drops an answer.
func last[T any](_ T, err error) error { return err }

// everyone is a policy that lets everybody read.
func everyone(bucket string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + bucket + `/*"}]}`
}

// Where ownership allows them, ACLs are kept, and public ones only where they are not blocked.
func TestACLs(t *testing.T) {
	s := setStage(t)
	ctx := t.Context()
	b := aws.String("acls")
	must(s.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: b, ObjectOwnership: types.ObjectOwnershipBucketOwnerPreferred}))
	if got := coded(last(s.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: b, ACL: types.BucketCannedACLPublicRead}))); got != "AccessDenied" {
		t.Errorf("a public ACL while such are blocked: %s", got)
	}
	must(s.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: b}))
	must(s.PutBucketAcl(ctx, &s3.PutBucketAclInput{Bucket: b, ACL: types.BucketCannedACLPublicRead}))
	s.put(b, "k", "x", func(in *s3.PutObjectInput) { in.ACL = types.ObjectCannedACLAuthenticatedRead })
	ofBucket := must(s.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: b}))
	ofObject := must(s.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: b, Key: aws.String("k")}))
	for _, c := range []struct {
		grants []types.Grant
		uri    string
	}{{ofBucket.Grants, everybody}, {ofObject.Grants, authenticated}} {
		if len(c.grants) != 2 || c.grants[0].Permission != types.PermissionFullControl || c.grants[0].Grantee.Type != types.TypeCanonicalUser || *c.grants[0].Grantee.ID != *ofBucket.Owner.ID ||
			c.grants[1].Permission != types.PermissionRead || *c.grants[1].Grantee.URI != c.uri {
			t.Errorf("%+v", c.grants)
		}
	}
	must(s.PutObjectAcl(ctx, &s3.PutObjectAclInput{Bucket: b, Key: aws.String("k"), AccessControlPolicy: &types.AccessControlPolicy{Owner: ofObject.Owner, Grants: ofObject.Grants[:1]}}))
	if got := must(s.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: b, Key: aws.String("k")})).Grants; len(got) != 1 || *got[0].Grantee.ID != *ofBucket.Owner.ID {
		t.Errorf("from a document %+v", got)
	}
}

func TestPolicies(t *testing.T) {
	s := setStage(t)
	ctx := t.Context()
	b := s.bucket("ruled", false)
	must(s.DeletePublicAccessBlock(ctx, &s3.DeletePublicAccessBlockInput{Bucket: b}))
	text := everyone("ruled")
	must(s.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: b, Policy: &text}))
	if got := *must(s.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: b})).Policy; got != text || s.Policy("arn:aws:s3:::ruled/a/b") != text || s.Policy("arn:aws:s3:::ruled") != text {
		t.Errorf("policy %s", got)
	}
	if !*must(s.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: b})).PolicyStatus.IsPublic {
		t.Error("everybody may read, but it is not public")
	}
	private := strings.Replace(text, `"Action"`, `"Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-1"}},"Action"`, 1)
	must(s.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: b, Policy: &private}))
	if *must(s.GetBucketPolicyStatus(ctx, &s3.GetBucketPolicyStatusInput{Bucket: b})).PolicyStatus.IsPublic {
		t.Error("an organization's is public")
	}
	must(s.DeleteBucketPolicy(ctx, &s3.DeleteBucketPolicyInput{Bucket: b}))
	if got := coded(last(s.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: b}))); got != "NoSuchBucketPolicy" {
		t.Error(got)
	}
}
