package cloud_test

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
)

func (tf *terraform) lambda() *lambda.Client { return lambda.NewFromConfig(tf.cfg) }

var hookName = aws.String("CodeDeployHook_web")

var functionLife = life{
	resource: "aws_lambda_function", missing: "ResourceNotFoundException",
	create: func(ctx context.Context, tf *terraform) error {
		_, err := tf.lambda().CreateFunction(ctx, &lambda.CreateFunctionInput{
			FunctionName: hookName, Role: &tf.role, Handler: aws.String("bootstrap"), Runtime: types.RuntimeProvidedal2023, PackageType: types.PackageTypeZip, MemorySize: aws.Int32(128), Timeout: aws.Int32(10),
			Code: &types.FunctionCode{ZipFile: zipOf([]byte("#!/bin/false"))}, Description: aws.String(""), Publish: true, Tags: map[string]string{"team": "shop"},
			Environment: &types.Environment{Variables: map[string]string{"STAGE": "first"}},
		})
		return errors.Join(err, tf.ready(ctx))
	},
	read: func(ctx context.Context, tf *terraform) error {
		c := tf.lambda()
		out, err := c.GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: hookName})
		if err != nil {
			return err
		}
		_, signing := c.GetFunctionCodeSigningConfig(ctx, &lambda.GetFunctionCodeSigningConfigInput{FunctionName: hookName})
		versions, err := c.ListVersionsByFunction(ctx, &lambda.ListVersionsByFunctionInput{FunctionName: hookName})
		if err = errors.Join(err, signing); err != nil {
			return err
		}
		f := out.Configuration
		return errors.Join(same("memory", *f.MemorySize, int32(128)), same("timeout", *f.Timeout, int32(10)), same("role", *f.Role, tf.role), same("package", f.PackageType, types.PackageTypeZip),
			same("architecture", len(f.Architectures), 1), same("storage", *f.EphemeralStorage.Size, int32(512)), same("log format", f.LoggingConfig.LogFormat, types.LogFormatText),
			same("tracing", f.TracingConfig.Mode, types.TracingModePassThrough), same("snap start", f.SnapStart.ApplyOn, types.SnapStartApplyOnNone), same("tags", len(out.Tags), 1),
			same("reserved", out.Concurrency == nil, true), same("newest", strings.HasSuffix(*versions.Versions[len(versions.Versions)-1].FunctionArn, ":1"), true))
	},
	tag: func(ctx context.Context, tf *terraform) error {
		c := tf.lambda()
		_, err := c.UpdateFunctionConfiguration(ctx, &lambda.UpdateFunctionConfigurationInput{FunctionName: hookName, Environment: &types.Environment{Variables: map[string]string{"STAGE": "second"}}})
		if err = errors.Join(err, tf.ready(ctx)); err != nil {
			return err
		}
		arn := aws.String(strings.Join([]string{"arn:aws:lambda", tf.cfg.Region, strings.Split(tf.role, ":")[4], "function", *hookName}, ":"))
		return errors.Join(only(c.TagResource(ctx, &lambda.TagResourceInput{Resource: arn, Tags: map[string]string{"owner": "till"}})),
			only(c.UntagResource(ctx, &lambda.UntagResourceInput{Resource: arn, TagKeys: []string{"owner"}})))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.lambda().DeleteFunction(ctx, &lambda.DeleteFunctionInput{FunctionName: hookName}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.lambda().GetFunction(ctx, &lambda.GetFunctionInput{FunctionName: hookName}))
	},
}

// ready waits as the provider does after a creation or an update.
func (tf *terraform) ready(ctx context.Context) error {
	quick := func(o *lambda.FunctionActiveV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, 10*time.Millisecond
	}
	settled := func(o *lambda.FunctionUpdatedV2WaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, 10*time.Millisecond
	}
	in := &lambda.GetFunctionInput{FunctionName: hookName}
	return errors.Join(lambda.NewFunctionActiveV2Waiter(tf.lambda(), quick).Wait(ctx, in, 20*time.Second), lambda.NewFunctionUpdatedV2Waiter(tf.lambda(), settled).Wait(ctx, in, 20*time.Second))
}

var aliasLife = life{
	resource: "aws_lambda_alias", missing: "ResourceNotFoundException",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.lambda().CreateAlias(ctx, &lambda.CreateAliasInput{FunctionName: hookName, Name: aws.String("live"), FunctionVersion: aws.String("1"), Description: aws.String("")}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.lambda().GetAlias(ctx, &lambda.GetAliasInput{FunctionName: hookName, Name: aws.String("live")})
		if err != nil {
			return err
		}
		return errors.Join(same("version", *out.FunctionVersion, "1"), same("routing", out.RoutingConfig == nil, true), same("arn", strings.HasSuffix(*out.AliasArn, *hookName+":live"), true))
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		return only(tf.lambda().DeleteAlias(ctx, &lambda.DeleteAliasInput{FunctionName: hookName, Name: aws.String("live")}))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.lambda().GetAlias(ctx, &lambda.GetAliasInput{FunctionName: hookName, Name: aws.String("live")}))
	},
}

var permissionLife = life{
	resource: "aws_lambda_permission", missing: "ResourceNotFoundException",
	create: func(ctx context.Context, tf *terraform) error {
		return only(tf.lambda().AddPermission(ctx, &lambda.AddPermissionInput{FunctionName: hookName, StatementId: aws.String("codedeploy"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("codedeploy.amazonaws.com")}))
	},
	read: func(ctx context.Context, tf *terraform) error {
		out, err := tf.lambda().GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: hookName})
		if err != nil {
			return err
		}
		return same("statement", strings.Contains(*out.Policy, `"Sid":"codedeploy"`) && strings.Contains(*out.Policy, `"Action":"lambda:InvokeFunction"`), true)
	},
	destroy: func(ctx context.Context, tf *terraform) error {
		_, err := tf.lambda().RemovePermission(ctx, &lambda.RemovePermissionInput{FunctionName: hookName, StatementId: aws.String("codedeploy")})
		return errors.Join(err, absent(only(tf.lambda().GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: hookName})), "ResourceNotFoundException"))
	},
	gone: func(ctx context.Context, tf *terraform) error {
		return only(tf.lambda().GetPolicy(ctx, &lambda.GetPolicyInput{FunctionName: hookName}))
	},
}
