package ssm

import (
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/seal"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// Options are what the service needs.
type Options struct {
	Store *store.Store
	Clock *clock.Clock
	Place arn.Place
	Seal  *seal.Box // for SecureStrings
}

// Service is the Parameter Store.
type Service struct {
	Options
	parameters store.Table[parameter]
}

// parameter is a stored parameter, keyed by its name.
type parameter struct {
	Name     string            `json:"name"`
	Versions []version         `json:"versions"` // oldest first, never empty
	Tags     map[string]string `json:"tags,omitempty"`
}

// version is one value of a parameter.
type version struct {
	Number      int64               `json:"number"`
	Type        types.ParameterType `json:"type"`
	Value       string              `json:"value,omitempty"`
	Sealed      []byte              `json:"sealed,omitempty"` // instead of Value, of a SecureString
	KeyID       *string             `json:"keyId,omitempty"`
	Description *string             `json:"description,omitempty"`
	Pattern     *string             `json:"pattern,omitempty"`
	DataType    string              `json:"dataType"`
	Tier        types.ParameterTier `json:"tier"`
	Labels      []string            `json:"labels,omitempty"`
	At          time.Time           `json:"at"`
	By          string              `json:"by"`
}

// latest is the newest version.
func (p parameter) latest() version { return p.Versions[len(p.Versions)-1] }

// New opens the service on its table.
func New(o Options) (*Service, error) {
	s := &Service{Options: o}
	var err error
	if s.parameters, err = store.NewTable[parameter](o.Store, "ssm-parameters"); err != nil {
		return nil, fmt.Errorf("open ssm: %w", err)
	}
	return s, nil
}

// Ops are the operations that the service answers.
func (s *Service) Ops() []wire.Op {
	return []wire.Op{
		wire.Handle(s.PutParameter).Differing("SecureStrings are sealed with the cloud's own key; no parameter policies"),
		wire.Handle(s.GetParameter),
		wire.Handle(s.GetParameters),
		wire.Handle(s.GetParametersByPath),
		wire.Handle(s.GetParameterHistory),
		wire.Handle(s.DescribeParameters),
		wire.Handle(s.DeleteParameter),
		wire.Handle(s.DeleteParameters),
		wire.Handle(s.LabelParameterVersion),
		wire.Handle(s.UnlabelParameterVersion),
		wire.Handle(s.AddTagsToResource).Differing("parameters only"),
		wire.Handle(s.RemoveTagsFromResource).Differing("parameters only"),
		wire.Handle(s.ListTagsForResource).Differing("parameters only"),
	}
}
