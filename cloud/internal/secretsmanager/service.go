package secretsmanager

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/seal"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
	"github.com/turnoutdev/turnout/internal/regex"
)

// Options are what the service needs.
type Options struct {
	Store *store.Store
	Clock *clock.Clock // nil for real time
	Place arn.Place
	Seal  *seal.Box
}

// Service is Secrets Manager.
type Service struct {
	Options
	secrets store.Table[secret]
}

// The staging labels that the service moves by itself.
const (
	current  = "AWSCURRENT"
	previous = "AWSPREVIOUS"
)

// secret is a stored secret, keyed by its name.
type secret struct {
	Name        string      `json:"name"`
	ARN         string      `json:"arn"`
	Description *string     `json:"description,omitempty"`
	KeyID       *string     `json:"keyId,omitempty"`
	Policy      *string     `json:"policy,omitempty"`
	Tags        []types.Tag `json:"tags,omitempty"`
	Versions    []version   `json:"versions,omitempty"` // oldest first
	Created     time.Time   `json:"created"`
	Changed     time.Time   `json:"changed"`
	Deleted     *time.Time  `json:"deleted,omitempty"` // when it was scheduled to go
	Gone        *time.Time  `json:"gone,omitempty"`    // when it goes
}

// version is one value of a secret.
type version struct {
	ID     string    `json:"id"`
	Sealed []byte    `json:"sealed"`
	Binary bool      `json:"binary,omitempty"`
	Stages []string  `json:"stages,omitempty"`
	At     time.Time `json:"at"`
}

// New opens the service on its table.
func New(o Options) (*Service, error) {
	s := &Service{Options: o}
	var err error
	if s.secrets, err = store.NewTable[secret](o.Store, "secretsmanager-secrets"); err != nil {
		return nil, fmt.Errorf("open secretsmanager: %w", err)
	}
	return s, nil
}

// Ops are the operations that the service answers.
func (s *Service) Ops() []wire.Op {
	const unread = "resource policies are not evaluated"
	return []wire.Op{
		wire.Handle(s.CreateSecret).Differing("values are sealed with the cloud's own key; replicas are refused"),
		wire.Handle(s.GetSecretValue), wire.Handle(s.BatchGetSecretValue).Differing("by SecretIdList only"),
		wire.Handle(s.PutSecretValue), wire.Handle(s.UpdateSecret), wire.Handle(s.UpdateSecretVersionStage),
		wire.Handle(s.DescribeSecret), wire.Handle(s.ListSecrets), wire.Handle(s.ListSecretVersionIds),
		wire.Handle(s.DeleteSecret), wire.Handle(s.RestoreSecret), wire.Handle(s.GetRandomPassword),
		wire.Handle(s.TagResource), wire.Handle(s.UntagResource),
		wire.Handle(s.PutResourcePolicy).RecordOnly(unread), wire.Handle(s.GetResourcePolicy), wire.Handle(s.DeleteResourcePolicy),
	}
}

func (s *Service) now() time.Time {
	if s.Clock == nil {
		return time.Now().UTC()
	}
	return s.Clock.Now().UTC()
}

var secretName = regex.New(`^[A-Za-z0-9/_+=.@-]+$`)

// Errors in AWS's words.
func notFound() error {
	return &types.ResourceNotFoundException{Message: aws.String("Secrets Manager can't find the specified secret.")}
}

func missingValue(stage string) error {
	return &types.ResourceNotFoundException{Message: aws.String("Secrets Manager can't find the specified secret value for staging label: " + stage)}
}

func marked() error {
	return &types.InvalidRequestException{Message: aws.String("You can't perform this operation on the secret because it was marked for deletion.")}
}

func invalid(format string, args ...any) error {
	return &types.InvalidParameterException{Message: aws.String(fmt.Sprintf(format, args...))}
}

func malformed(format string, args ...any) error {
	return &smithy.GenericAPIError{Code: "ValidationException", Message: fmt.Sprintf(format, args...), Fault: smithy.FaultClient}
}

// find looks a secret up by name or ARN, whole or without its six characters. One whose
// time has come is gone.
func (s *Service) find(tx *store.Tx, id string) (secret, error) {
	name := id
	if strings.HasPrefix(id, "arn:") {
		parts := strings.SplitN(id, ":", 7)
		if len(parts) != 7 || parts[2] != "secretsmanager" {
			return secret{}, malformed("Invalid ARN: %s", id)
		}
		name = parts[6]
	}
	x, ok := s.secrets.Get(tx, name)
	if i := len(name) - 7; !ok && i > 0 && name[i] == '-' && name != id { // an ARN's
		x, ok = s.secrets.Get(tx, name[:i])
		ok = ok && x.ARN == id
	}
	if !ok || (x.Gone != nil && !s.now().Before(*x.Gone)) {
		return secret{}, notFound()
	}
	return x, nil
}

// live is find for operations that a secret marked for deletion refuses.
func (s *Service) live(tx *store.Tx, id *string) (secret, error) {
	x, err := s.find(tx, aws.ToString(id))
	if err == nil && x.Deleted != nil {
		err = marked()
	}
	return x, err
}

// edit changes a live secret.
func (s *Service) edit(id *string, change func(*secret) error) (secret, error) {
	var x secret
	err := s.Store.Update(func(tx *store.Tx) error {
		var err error
		if x, err = s.live(tx, id); err != nil {
			return err
		}
		x.Versions, x.Tags = slices.Clone(x.Versions), slices.Clone(x.Tags) // rows are immutable
		if err := change(&x); err != nil {
			return err
		}
		x.Changed = s.now()
		s.secrets.Put(tx, x.Name, x)
		return nil
	})
	return x, err
}

// index is the place of the version with an id or a stage, -1 for none.
func (x *secret) index(id, stage string) int {
	return slices.IndexFunc(x.Versions, func(v version) bool {
		return (id == "" || v.ID == id) && (stage == "" || slices.Contains(v.Stages, stage))
	})
}

// label gives a version a stage, and takes it from the one that has it. The one that
// loses AWSCURRENT becomes AWSPREVIOUS. Versions without a stage go.
func (x *secret) label(i int, stage string) {
	if from := x.index("", stage); from >= 0 && from != i {
		x.unlabel(from, stage)
		if stage == current {
			x.label(from, previous)
		}
	}
	if i >= 0 && !slices.Contains(x.Versions[i].Stages, stage) {
		x.Versions[i].Stages = append(slices.Clone(x.Versions[i].Stages), stage)
	}
}

func (x *secret) unlabel(i int, stage string) {
	x.Versions[i].Stages = slices.DeleteFunc(slices.Clone(x.Versions[i].Stages), func(s string) bool { return s == stage })
}

// stages are the versions' stages by version id, without those that have none.
func (x *secret) stages() map[string][]string {
	out := map[string][]string{}
	for _, v := range x.Versions {
		if len(v.Stages) > 0 {
			out[v.ID] = v.Stages
		}
	}
	return out
}
