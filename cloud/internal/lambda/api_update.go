package lambda

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// UpdateFunctionCode gives a function other code. The next invocation runs it.
func (s *Service) UpdateFunctionCode(ctx context.Context, in *lambda.UpdateFunctionCodeInput, _ ...func(*lambda.Options)) (*lambda.UpdateFunctionCodeOutput, error) {
	f, err := s.get(in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	arch := f.Config.Architectures
	if len(in.Architectures) > 0 {
		arch = in.Architectures
	}
	got, err := s.fetch(ctx, f.Config.PackageType, types.FunctionCode{
		ZipFile: in.ZipFile, ImageUri: in.ImageUri, S3Bucket: in.S3Bucket, S3Key: in.S3Key, S3ObjectVersion: in.S3ObjectVersion,
	}, arch[0])
	if err != nil {
		return nil, err
	}
	if in.DryRun {
		got.into(&f.revision)
		return answer[lambda.UpdateFunctionCodeOutput](f.Config), nil
	}
	c, err := s.change(in.FunctionName, in.RevisionId, in.Publish, func(r *revision) {
		got.into(r)
		r.Config.Architectures = arch
	})
	if err != nil {
		return nil, err
	}
	return answer[lambda.UpdateFunctionCodeOutput](updating(c)), nil
}

// UpdateFunctionConfiguration changes what is given of a function's configuration.
func (s *Service) UpdateFunctionConfiguration(ctx context.Context, in *lambda.UpdateFunctionConfigurationInput, _ ...func(*lambda.Options)) (*lambda.UpdateFunctionConfigurationOutput, error) {
	f, err := s.get(in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	if len(in.Layers) > 0 || len(in.FileSystemConfigs) > 0 || in.DurableConfig != nil {
		return nil, invalid("The local cloud has no layers, file systems and durable executions for functions.")
	}
	if err := checkRuntime(in.Runtime); err != nil {
		return nil, err
	}
	if err := checkEnvironment(in.Environment); err != nil {
		return nil, err
	}
	if in.Role != nil {
		if err := s.checkRole(ctx, *in.Role, f.Name); err != nil {
			return nil, err
		}
	}
	c, err := s.change(in.FunctionName, in.RevisionId, false, func(r *revision) { settle(&r.Config, in) })
	if err != nil {
		return nil, err
	}
	return answer[lambda.UpdateFunctionConfigurationOutput](updating(c)), nil
}

// updating is what the answer to an update says of its state; it is over by then.
func updating(c types.FunctionConfiguration) types.FunctionConfiguration {
	c.LastUpdateStatus, c.LastUpdateStatusReason = types.LastUpdateStatusInProgress, aws.String("The function is being created.")
	c.LastUpdateStatusReasonCode = "Creating"
	return c
}

// change stores a changed copy of a function's $LATEST, and ends the idle environments of
// the old one.
func (s *Service) change(id, revisionID *string, publish bool, change func(*revision)) (shown types.FunctionConfiguration, err error) {
	var f found
	err = s.Store.Update(func(tx *store.Tx) (err error) {
		if f, err = s.find(tx, id, aws.String(latest)); err != nil {
			return err
		}
		if revisionID != nil && *revisionID != *f.Config.RevisionId {
			return errStale
		}
		change(&f.revision)
		s.stamp(&f.Config)
		s.t.revisions.Put(tx, key(f.Name, latest), f.revision)
		shown = f.Config
		if publish {
			shown = s.publish(tx, &f.function, f.revision, nil).Config
			s.t.functions.Put(tx, f.Name, f.function)
		}
		return nil
	})
	if err == nil {
		s.retire(f.Name)
	}
	return shown, err
}

// settle takes over what a caller sets of a function's configuration.
func settle(c *types.FunctionConfiguration, in *lambda.UpdateFunctionConfigurationInput) {
	take(&c.Role, in.Role)
	take(&c.Handler, in.Handler)
	take(&c.Description, in.Description)
	take(&c.Timeout, in.Timeout)
	take(&c.MemorySize, in.MemorySize)
	take(&c.EphemeralStorage, in.EphemeralStorage)
	take(&c.DeadLetterConfig, in.DeadLetterConfig)
	take(&c.KMSKeyArn, in.KMSKeyArn)
	if in.Runtime != "" {
		c.Runtime = in.Runtime
	}
	if in.Environment != nil {
		c.Environment = &types.EnvironmentResponse{Variables: in.Environment.Variables}
	}
	if in.ImageConfig != nil {
		c.ImageConfigResponse = &types.ImageConfigResponse{ImageConfig: in.ImageConfig}
	}
	if in.TracingConfig != nil {
		c.TracingConfig = &types.TracingConfigResponse{Mode: in.TracingConfig.Mode}
	}
	if in.VpcConfig != nil {
		c.VpcConfig = &types.VpcConfigResponse{SubnetIds: in.VpcConfig.SubnetIds, SecurityGroupIds: in.VpcConfig.SecurityGroupIds, VpcId: aws.String("")}
	}
	if l := in.LoggingConfig; l != nil {
		merged := *c.LoggingConfig
		take(&merged.LogGroup, l.LogGroup)
		if l.LogFormat != "" {
			merged.LogFormat = l.LogFormat
		}
		merged.ApplicationLogLevel, merged.SystemLogLevel = l.ApplicationLogLevel, l.SystemLogLevel
		c.LoggingConfig = &merged
	}
}

func take[T any](to **T, from *T) {
	if from != nil {
		*to = from
	}
}
