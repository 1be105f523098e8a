package secretsmanager

import (
	"bytes"
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const maxValue = 65536

// value is a version's value as a call brings it.
type value struct {
	text   *string
	binary []byte
	token  *string // of the client: the version's id
}

func (v value) check(needed bool) error {
	switch {
	case v.text != nil && v.binary != nil:
		return invalid("You can't specify both a binary secret value and a string secret value in the same secret.")
	case needed && v.text == nil && v.binary == nil:
		return invalid("You must provide either SecretString or SecretBinary.")
	case len(aws.ToString(v.text)) > maxValue || len(v.binary) > maxValue:
		return invalid("The secret value is larger than %d bytes.", maxValue)
	}
	return nil
}

// push adds a version, or does nothing when the same call has added it already.
func (s *Service) push(x *secret, v value, stages ...string) (string, error) {
	id := aws.ToString(v.token)
	if id == "" {
		id = ids.UUID()
	}
	plain, binary := []byte(aws.ToString(v.text)), v.binary != nil
	if binary {
		plain = v.binary
	}
	if i := x.index(id, ""); i >= 0 {
		old, err := s.Seal.Open(x.ARN, x.Versions[i].Sealed)
		if err != nil {
			return "", err
		}
		if !bytes.Equal(old, plain) || x.Versions[i].Binary != binary {
			return "", &types.ResourceExistsException{Message: aws.String("A resource with the ID you requested already exists.")}
		}
		return id, nil
	}
	x.Versions = append(x.Versions, version{ID: id, Sealed: s.Seal.Seal(x.ARN, plain), Binary: binary, At: s.now()})
	if len(stages) == 0 {
		stages = []string{current}
	}
	for _, stage := range stages {
		x.label(len(x.Versions)-1, stage)
	}
	return id, nil
}

// GetSecretValue reads a version: the one with an id, with a stage, or the current one.
func (s *Service) GetSecretValue(_ context.Context, in *sm.GetSecretValueInput, _ ...func(*sm.Options)) (*sm.GetSecretValueOutput, error) {
	var x secret
	var err error
	s.Store.View(func(tx *store.Tx) { x, err = s.live(tx, in.SecretId) })
	if err != nil {
		return nil, err
	}
	id, stage := aws.ToString(in.VersionId), aws.ToString(in.VersionStage)
	if id == "" && stage == "" {
		stage = current
	}
	i := x.index(id, stage)
	switch {
	case i < 0 && id != "" && x.index(id, "") >= 0:
		return nil, &types.InvalidRequestException{Message: aws.String("You provided a VersionStage that is not associated to the provided VersionId.")}
	case i < 0 && id != "":
		return nil, &types.ResourceNotFoundException{Message: aws.String("Secrets Manager can't find the specified secret value for VersionId: " + id)}
	case i < 0:
		return nil, missingValue(stage)
	}
	v := x.Versions[i]
	plain, err := s.Seal.Open(x.ARN, v.Sealed)
	if err != nil {
		return nil, err
	}
	out := &sm.GetSecretValueOutput{ARN: &x.ARN, Name: &x.Name, VersionId: &v.ID, VersionStages: v.Stages, CreatedDate: &v.At}
	if v.Binary {
		out.SecretBinary = plain
	} else {
		out.SecretString = aws.String(string(plain))
	}
	return out, nil
}

// BatchGetSecretValue reads the current values of several secrets.
func (s *Service) BatchGetSecretValue(ctx context.Context, in *sm.BatchGetSecretValueInput, _ ...func(*sm.Options)) (*sm.BatchGetSecretValueOutput, error) {
	if len(in.Filters) > 0 || len(in.SecretIdList) == 0 {
		return nil, invalid("You must provide SecretIdList.")
	}
	out := &sm.BatchGetSecretValueOutput{SecretValues: []types.SecretValueEntry{}, Errors: []types.APIErrorType{}}
	for _, id := range in.SecretIdList {
		v, err := s.GetSecretValue(ctx, &sm.GetSecretValueInput{SecretId: &id})
		var api smithy.APIError
		switch {
		case errors.As(err, &api):
			out.Errors = append(out.Errors, types.APIErrorType{SecretId: &id, ErrorCode: aws.String(api.ErrorCode()), Message: aws.String(api.ErrorMessage())})
		case err != nil:
			return nil, err
		default:
			out.SecretValues = append(out.SecretValues, types.SecretValueEntry{
				ARN: v.ARN, Name: v.Name, VersionId: v.VersionId, VersionStages: v.VersionStages, CreatedDate: v.CreatedDate, SecretString: v.SecretString, SecretBinary: v.SecretBinary,
			})
		}
	}
	return out, nil
}

// PutSecretValue adds a version; without stages it becomes the current one.
func (s *Service) PutSecretValue(_ context.Context, in *sm.PutSecretValueInput, _ ...func(*sm.Options)) (*sm.PutSecretValueOutput, error) {
	v := value{in.SecretString, in.SecretBinary, in.ClientRequestToken}
	if err := v.check(true); err != nil {
		return nil, err
	}
	var id string
	x, err := s.edit(in.SecretId, func(x *secret) error {
		var err error
		id, err = s.push(x, v, in.VersionStages...)
		return err
	})
	if err != nil {
		return nil, err
	}
	return &sm.PutSecretValueOutput{ARN: &x.ARN, Name: &x.Name, VersionId: &id, VersionStages: x.Versions[x.index(id, "")].Stages}, nil
}

// UpdateSecretVersionStage moves a staging label.
func (s *Service) UpdateSecretVersionStage(_ context.Context, in *sm.UpdateSecretVersionStageInput, _ ...func(*sm.Options)) (*sm.UpdateSecretVersionStageOutput, error) {
	stage := aws.ToString(in.VersionStage)
	x, err := s.edit(in.SecretId, func(x *secret) error {
		to, from := aws.ToString(in.MoveToVersionId), aws.ToString(in.RemoveFromVersionId)
		holder := x.index("", stage)
		switch {
		case to != "" && x.index(to, "") < 0, from != "" && x.index(from, "") < 0:
			return &types.ResourceNotFoundException{Message: aws.String("Secrets Manager can't find the specified secret version.")}
		case from != "" && x.index(from, stage) < 0:
			return invalid("The staging label %s is not attached to version %s.", stage, from)
		case to != "" && holder >= 0 && from == "" && x.Versions[holder].ID != to:
			return invalid("The parameter RemoveFromVersionId can't be empty. Staging label %s is currently attached to version %s, so you must explicitly reference that version in RemoveFromVersionId.", stage, x.Versions[holder].ID)
		case to == "" && stage == current:
			return invalid("You can't remove the staging label %s without moving it to another version.", stage)
		case to != "":
			x.label(x.index(to, ""), stage)
		case from != "":
			x.unlabel(x.index(from, ""), stage)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &sm.UpdateSecretVersionStageOutput{ARN: &x.ARN, Name: &x.Name}, nil
}

// ListSecretVersionIds lists versions, those without a stage only when asked for.
func (s *Service) ListSecretVersionIds(_ context.Context, in *sm.ListSecretVersionIdsInput, _ ...func(*sm.Options)) (*sm.ListSecretVersionIdsOutput, error) {
	var x secret
	var err error
	s.Store.View(func(tx *store.Tx) { x, err = s.find(tx, aws.ToString(in.SecretId)) })
	if err != nil {
		return nil, err
	}
	out := &sm.ListSecretVersionIdsOutput{ARN: &x.ARN, Name: &x.Name, Versions: []types.SecretVersionsListEntry{}}
	for _, v := range x.Versions {
		if len(v.Stages) > 0 || aws.ToBool(in.IncludeDeprecated) {
			out.Versions = append(out.Versions, types.SecretVersionsListEntry{VersionId: &v.ID, VersionStages: v.Stages, CreatedDate: &v.At})
		}
	}
	return out, nil
}
