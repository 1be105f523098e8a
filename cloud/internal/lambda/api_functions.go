package lambda

import (
	"context"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/page"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// stamp marks a change.
func (s *Service) stamp(c *types.FunctionConfiguration) {
	c.LastModified = aws.String(s.Clock.Now().UTC().Format("2006-01-02T15:04:05.000+0000"))
	c.RevisionId = aws.String(ids.UUID())
}

// answer copies a configuration into one of the outputs that have the same members.
func answer[T any](c types.FunctionConfiguration) *T {
	out := new(T)
	from, to := reflect.ValueOf(c), reflect.ValueOf(out).Elem()
	for i := range from.NumField() {
		f := from.Type().Field(i)
		if dst := to.FieldByName(f.Name); f.IsExported() && dst.IsValid() {
			dst.Set(from.Field(i))
		}
	}
	return out
}

// CreateFunction makes a function; its code is on disk when it answers. The answer says
// Pending, as on AWS, but the function can be invoked at once.
func (s *Service) CreateFunction(ctx context.Context, in *lambda.CreateFunctionInput, _ ...func(*lambda.Options)) (*lambda.CreateFunctionOutput, error) {
	name, _ := nameOf(aws.ToString(in.FunctionName))
	r := revision{Config: s.fresh(name)}
	if in.PackageType != "" {
		r.Config.PackageType = in.PackageType
	}
	if len(in.Architectures) > 0 {
		r.Config.Architectures = in.Architectures
	}
	if err := s.checkCreation(ctx, name, r.Config.PackageType, in); err != nil {
		return nil, err
	}
	got, err := s.fetch(ctx, r.Config.PackageType, *in.Code, r.Config.Architectures[0])
	if err != nil {
		return nil, err
	}
	got.into(&r)
	settle(&r.Config, &lambda.UpdateFunctionConfigurationInput{
		Role: in.Role, Runtime: in.Runtime, Handler: in.Handler, Description: in.Description, ImageConfig: in.ImageConfig,
		Timeout: in.Timeout, MemorySize: in.MemorySize, Environment: in.Environment, EphemeralStorage: in.EphemeralStorage,
		LoggingConfig: in.LoggingConfig, TracingConfig: in.TracingConfig, DeadLetterConfig: in.DeadLetterConfig, KMSKeyArn: in.KMSKeyArn, VpcConfig: in.VpcConfig,
	})
	s.stamp(&r.Config)
	shown := r.Config
	err = s.Store.Update(func(tx *store.Tx) error {
		if _, ok := s.t.functions.Get(tx, name); ok {
			return conflict("Function already exist: %s", name)
		}
		f := function{Name: name, Tags: in.Tags}
		s.t.revisions.Put(tx, key(name, latest), r)
		if in.Publish {
			shown = s.publish(tx, &f, r, nil).Config
		}
		s.t.functions.Put(tx, name, f)
		return nil
	})
	if err != nil {
		return nil, err
	}
	shown.State, shown.StateReason, shown.StateReasonCode = types.StatePending, aws.String("The function is being created."), types.StateReasonCodeCreating
	shown.LastUpdateStatus = ""
	return answer[lambda.CreateFunctionOutput](shown), nil
}

// fresh is a configuration's defaults.
func (s *Service) fresh(name string) types.FunctionConfiguration {
	return types.FunctionConfiguration{
		FunctionName: &name, FunctionArn: aws.String(s.arnOf(name)), Version: aws.String(latest), Description: aws.String(""),
		PackageType: types.PackageTypeZip, Architectures: []types.Architecture{types.ArchitectureX8664},
		Timeout: aws.Int32(3), MemorySize: aws.Int32(128), EphemeralStorage: &types.EphemeralStorage{Size: aws.Int32(512)},
		State: types.StateActive, LastUpdateStatus: types.LastUpdateStatusSuccessful,
		TracingConfig: &types.TracingConfigResponse{Mode: types.TracingModePassThrough},
		SnapStart:     &types.SnapStartResponse{ApplyOn: types.SnapStartApplyOnNone, OptimizationStatus: types.SnapStartOptimizationStatusOff},
		LoggingConfig: &types.LoggingConfig{LogFormat: types.LogFormatText, LogGroup: aws.String("/aws/lambda/" + name)},
	}
}

func (s *Service) checkCreation(ctx context.Context, name string, kind types.PackageType, in *lambda.CreateFunctionInput) error {
	switch {
	case !functionName.MatchString(name):
		return invalid("1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z0-9-_]+", name)
	case in.Code == nil:
		return invalid("Please provide a source for function code.")
	case len(in.Layers) > 0 || len(in.FileSystemConfigs) > 0 || in.DurableConfig != nil:
		return invalid("The local cloud has no layers, file systems and durable executions for functions.")
	case len(in.Architectures) > 1:
		return invalid("Architectures: a function has one architecture.")
	case kind == types.PackageTypeImage && (in.Runtime != "" || in.Handler != nil):
		return invalid("Please don't provide Handler or Runtime or Layer when the intended function PackageType is Image.")
	case kind == types.PackageTypeZip && (in.Runtime == "" || in.Handler == nil):
		return invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	}
	if err := checkRuntime(in.Runtime); err != nil {
		return err
	}
	if err := checkEnvironment(in.Environment); err != nil {
		return err
	}
	var exists bool
	s.Store.View(func(tx *store.Tx) { _, exists = s.t.functions.Get(tx, name) })
	if exists {
		return conflict("Function already exist: %s", name)
	}
	return s.checkRole(ctx, aws.ToString(in.Role), name)
}

// checkRole refuses a role that Lambda may not assume.
func (s *Service) checkRole(ctx context.Context, role, name string) error {
	if s.Assume == nil {
		return nil
	}
	if _, err := s.Assume(ctx, role, name); err != nil {
		return invalid("The role defined for the function cannot be assumed by Lambda.")
	}
	return nil
}

// checkRuntime refuses the runtimes that this cloud does not have.
func checkRuntime(r types.Runtime) error {
	switch r {
	case "", types.RuntimeProvidedal2023, types.RuntimeProvidedal2:
		return nil
	case types.RuntimeGo1x, types.RuntimeProvided:
		return invalid("The runtime parameter of %s is no longer supported for creating or updating AWS Lambda functions. We recommend you use a supported runtime while creating or updating functions.", r)
	}
	return invalid("The local cloud has no runtime %s: it runs provided.al2023 and provided.al2, whose program is named bootstrap, and images.", r)
}

// reserved are the variables that Lambda alone sets.
var reserved = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
	"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME",
	"AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
	"AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

func checkEnvironment(e *types.Environment) error {
	if e == nil {
		return nil
	}
	var bad []string
	for _, k := range reserved {
		if _, ok := e.Variables[k]; ok {
			bad = append(bad, k)
		}
	}
	if len(bad) > 0 {
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", strings.Join(bad, ", "))
	}
	return nil
}

// GetFunction tells a function's configuration and tags. Its code is not handed out.
func (s *Service) GetFunction(_ context.Context, in *lambda.GetFunctionInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionOutput, error) {
	f, err := s.get(in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	c := s.shown(f)
	out := &lambda.GetFunctionOutput{Configuration: &c, Tags: f.Tags, Code: &types.FunctionCodeLocation{RepositoryType: aws.String("S3")}}
	if f.Code.Image != "" {
		out.Code = &types.FunctionCodeLocation{RepositoryType: aws.String("ECR"), ImageUri: &f.Code.Image, ResolvedImageUri: &f.Code.Resolved}
	}
	if f.Reserved != nil {
		out.Concurrency = &types.Concurrency{ReservedConcurrentExecutions: f.Reserved}
	}
	return out, nil
}

// shown is a configuration as a caller sees it, who may have asked for it by an alias.
func (s *Service) shown(f found) types.FunctionConfiguration {
	c := f.Config
	if f.qualifier != "" {
		c.FunctionArn = aws.String(s.qualified(f.Name, f.qualifier))
	}
	return c
}

// GetFunctionConfiguration tells a function's configuration.
func (s *Service) GetFunctionConfiguration(_ context.Context, in *lambda.GetFunctionConfigurationInput, _ ...func(*lambda.Options)) (*lambda.GetFunctionConfigurationOutput, error) {
	f, err := s.get(in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	return answer[lambda.GetFunctionConfigurationOutput](s.shown(f)), nil
}

// DeleteFunction deletes a function with all that belongs to it, or one version.
// Invocations under way end by themselves.
func (s *Service) DeleteFunction(_ context.Context, in *lambda.DeleteFunctionInput, _ ...func(*lambda.Options)) (*lambda.DeleteFunctionOutput, error) {
	var f found
	err := s.Store.Update(func(tx *store.Tx) (err error) {
		if f, err = s.find(tx, in.FunctionName, in.Qualifier); err != nil {
			return err
		}
		switch f.qualifier {
		case "":
			s.drop(tx, f.Name)
		case latest:
			return invalid("$LATEST version cannot be deleted without deleting the function.")
		default:
			for _, a := range s.t.aliases.All(tx, key(f.Name, "")) {
				if *a.FunctionVersion == f.version {
					return conflict("Version %s is used by alias %s: remove the alias first.", f.version, *a.Name)
				}
			}
			s.t.revisions.Delete(tx, key(f.Name, f.version))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s.retire(f.Name)
	return &lambda.DeleteFunctionOutput{StatusCode: 204}, nil
}

// ListFunctions lists functions by name, or with FunctionVersion ALL all their versions.
func (s *Service) ListFunctions(_ context.Context, in *lambda.ListFunctionsInput, _ ...func(*lambda.Options)) (*lambda.ListFunctionsOutput, error) {
	all := []types.FunctionConfiguration{}
	s.Store.View(func(tx *store.Tx) {
		for _, r := range s.t.revisions.All(tx, "") {
			if *r.Config.Version == latest || in.FunctionVersion == types.FunctionVersionAll {
				all = append(all, r.Config)
			}
		}
	})
	part, next, err := cut(all, in.Marker, in.MaxItems)
	return &lambda.ListFunctionsOutput{Functions: part, NextMarker: next}, err
}

// ListVersionsByFunction lists $LATEST and the published versions of a function.
func (s *Service) ListVersionsByFunction(_ context.Context, in *lambda.ListVersionsByFunctionInput, _ ...func(*lambda.Options)) (*lambda.ListVersionsByFunctionOutput, error) {
	f, err := s.get(in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	all := []types.FunctionConfiguration{}
	s.Store.View(func(tx *store.Tx) {
		for _, r := range s.t.revisions.All(tx, key(f.Name, "")) {
			r.Config.FunctionArn = aws.String(s.qualified(f.Name, *r.Config.Version))
			all = append(all, r.Config)
		}
	})
	slices.SortFunc(all, func(a, b types.FunctionConfiguration) int { return ordinal(*a.Version) - ordinal(*b.Version) })
	part, next, err := cut(all, in.Marker, in.MaxItems)
	return &lambda.ListVersionsByFunctionOutput{Versions: part, NextMarker: next}, err
}

// ordinal is a version's number, 0 for $LATEST.
func ordinal(version string) int {
	n, _ := strconv.Atoi(version) // $LATEST is no number
	return n
}

// cut returns a page of configurations.
func cut(all []types.FunctionConfiguration, marker *string, size *int32) ([]types.FunctionConfiguration, *string, error) {
	n := 50
	if size != nil {
		n = min(int(*size), n)
	}
	part, next, err := page.Cut(all, func(c types.FunctionConfiguration) string { return key(*c.FunctionName, *c.Version) }, aws.ToString(marker), n)
	switch {
	case err != nil:
		return nil, nil, invalid("Invalid marker")
	case next == "":
		return part, nil, nil
	}
	return part, &next, nil
}
