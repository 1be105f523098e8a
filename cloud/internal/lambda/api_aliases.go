package lambda

import (
	"context"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/page"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/internal/regex"
)

// aliasName is any name that is no number and not $LATEST.
var aliasName = regex.New(`^[a-zA-Z0-9_-]{1,128}$`)

var number = regex.New(`^[0-9]+$`)

// aliasOutput copies an alias into one of the outputs that have the same members.
func aliasOutput[T any](a types.AliasConfiguration) *T {
	out := new(T)
	from, to := reflect.ValueOf(a), reflect.ValueOf(out).Elem()
	for i := range from.NumField() {
		if f := from.Type().Field(i); f.IsExported() {
			to.FieldByName(f.Name).Set(from.Field(i))
		}
	}
	return out
}

// CreateAlias names a version, or divides invocations between two.
func (s *Service) CreateAlias(_ context.Context, in *lambda.CreateAliasInput, _ ...func(*lambda.Options)) (*lambda.CreateAliasOutput, error) {
	name := aws.ToString(in.Name)
	if !aliasName.MatchString(name) || number.MatchString(name) {
		return nil, invalid("1 validation error detected: Value '%s' at 'name' failed to satisfy constraint: Member must satisfy regular expression pattern: (?!^[0-9]+$)([a-zA-Z0-9-_]+)", name)
	}
	var a types.AliasConfiguration
	err := s.Store.Update(func(tx *store.Tx) error {
		f, err := s.find(tx, in.FunctionName, nil)
		if err != nil {
			return err
		}
		if _, ok := s.t.aliases.Get(tx, key(f.Name, name)); ok {
			return conflict("Alias already exists: %s", s.qualified(f.Name, name))
		}
		a = types.AliasConfiguration{
			Name: &name, AliasArn: aws.String(s.qualified(f.Name, name)), Description: in.Description, FunctionVersion: in.FunctionVersion,
			RoutingConfig: in.RoutingConfig, RevisionId: aws.String(ids.UUID()),
		}
		if a.Description == nil {
			a.Description = aws.String("")
		}
		if err := s.checkAlias(tx, f.Name, a); err != nil {
			return err
		}
		s.t.aliases.Put(tx, key(f.Name, name), a)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return aliasOutput[lambda.CreateAliasOutput](a), nil
}

// checkAlias refuses versions that do not exist and weights that are none.
func (s *Service) checkAlias(tx *store.Tx, function string, a types.AliasConfiguration) error {
	versions := map[string]float64{aws.ToString(a.FunctionVersion): 0}
	if a.RoutingConfig != nil {
		if len(a.RoutingConfig.AdditionalVersionWeights) > 1 {
			return invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
		}
		for v, w := range a.RoutingConfig.AdditionalVersionWeights {
			if w < 0 || w > 1 {
				return invalid("Invalid weight %v for version %s: it must be from 0 to 1", w, v)
			}
			if v == *a.FunctionVersion {
				return invalid("Invalid function version %s. Function version %s is already included in routing configuration.", v, v)
			}
			versions[v] = w
		}
		if len(a.RoutingConfig.AdditionalVersionWeights) > 0 && *a.FunctionVersion == latest {
			return invalid("$LATEST is not supported for an alias pointing to more than 1 version")
		}
	}
	for v := range versions {
		if _, ok := s.t.revisions.Get(tx, key(function, v)); !ok {
			return notFound("Function not found: %s", s.qualified(function, v))
		}
	}
	return nil
}

// alias finds one.
func (s *Service) alias(tx *store.Tx, function, name *string) (where string, a types.AliasConfiguration, err error) {
	f, err := s.find(tx, function, nil)
	if err != nil {
		return "", a, err
	}
	where = key(f.Name, aws.ToString(name))
	a, ok := s.t.aliases.Get(tx, where)
	if !ok {
		return "", a, notFound("Cannot find alias arn: %s", s.qualified(f.Name, aws.ToString(name)))
	}
	return where, a, nil
}

// GetAlias tells of an alias.
func (s *Service) GetAlias(_ context.Context, in *lambda.GetAliasInput, _ ...func(*lambda.Options)) (*lambda.GetAliasOutput, error) {
	var a types.AliasConfiguration
	var err error
	s.Store.View(func(tx *store.Tx) { _, a, err = s.alias(tx, in.FunctionName, in.Name) })
	if err != nil {
		return nil, err
	}
	return aliasOutput[lambda.GetAliasOutput](a), nil
}

// UpdateAlias changes what is given of an alias.
func (s *Service) UpdateAlias(_ context.Context, in *lambda.UpdateAliasInput, _ ...func(*lambda.Options)) (*lambda.UpdateAliasOutput, error) {
	var a types.AliasConfiguration
	err := s.Store.Update(func(tx *store.Tx) (err error) {
		var where string
		if where, a, err = s.alias(tx, in.FunctionName, in.Name); err != nil {
			return err
		}
		if in.RevisionId != nil && *in.RevisionId != *a.RevisionId {
			return errStale
		}
		take(&a.FunctionVersion, in.FunctionVersion)
		take(&a.Description, in.Description)
		take(&a.RoutingConfig, in.RoutingConfig)
		a.RevisionId = aws.String(ids.UUID())
		function, _ := nameOf(*in.FunctionName)
		if err := s.checkAlias(tx, function, a); err != nil {
			return err
		}
		s.t.aliases.Put(tx, where, a)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return aliasOutput[lambda.UpdateAliasOutput](a), nil
}

// DeleteAlias deletes an alias; one that does not exist is deleted already.
func (s *Service) DeleteAlias(_ context.Context, in *lambda.DeleteAliasInput, _ ...func(*lambda.Options)) (*lambda.DeleteAliasOutput, error) {
	return &lambda.DeleteAliasOutput{}, s.Store.Update(func(tx *store.Tx) error {
		f, err := s.find(tx, in.FunctionName, nil)
		if err == nil {
			s.t.aliases.Delete(tx, key(f.Name, aws.ToString(in.Name)))
		}
		return err
	})
}

// ListAliases lists a function's aliases by name, perhaps only those that name a version.
func (s *Service) ListAliases(_ context.Context, in *lambda.ListAliasesInput, _ ...func(*lambda.Options)) (*lambda.ListAliasesOutput, error) {
	f, err := s.get(in.FunctionName, nil)
	if err != nil {
		return nil, err
	}
	all := []types.AliasConfiguration{}
	s.Store.View(func(tx *store.Tx) {
		for _, a := range s.t.aliases.All(tx, key(f.Name, "")) {
			if in.FunctionVersion == nil || *in.FunctionVersion == *a.FunctionVersion {
				all = append(all, a)
			}
		}
	})
	n := 50
	if in.MaxItems != nil {
		n = min(int(*in.MaxItems), n)
	}
	part, next, err := page.Cut(all, func(a types.AliasConfiguration) string { return *a.Name }, aws.ToString(in.Marker), n)
	if err != nil {
		return nil, invalid("Invalid marker")
	}
	out := &lambda.ListAliasesOutput{Aliases: part}
	if next != "" {
		out.NextMarker = &next
	}
	return out, nil
}
