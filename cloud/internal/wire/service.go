package wire

import (
	"net/http"

	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
)

// Protocol is one of AWS's wire protocols.
type Protocol string

// The protocols. A service may speak several.
const (
	JSON10   Protocol = "awsJson1.0"
	JSON11   Protocol = "awsJson1.1"
	Query    Protocol = "awsQuery"
	CBOR     Protocol = "rpc-v2-cbor"
	RestJSON Protocol = "restJson1"
	RestXML  Protocol = "restXml"
)

// Service is one AWS service: its facts on the wire, and its operations.
type Service struct {
	ID           string     // prefix of its IAM actions: "ecs", "elasticloadbalancing"
	SDK          string     // the SDKs' service id: "ECS", "Elastic Load Balancing v2"
	SigningNames []string   // services that a credential scope may name
	Protocols    []Protocol // newest first
	TargetPrefix string     // before the dot of X-Amz-Target, and in rpc-v2-cbor's path
	Version      string     // of the API: awsQuery's Version parameter
	XMLNS        string     // of awsQuery's responses

	Ops      []Op
	Unsigned []string       // operations that need no credentials
	Status   map[string]int // HTTP statuses of error codes, where the model does not tell
	PathRoot []string       // prefixes of restJson paths

	// Handler serves all the service's requests instead of Ops (S3). Requests arrive
	// authenticated, their bodies decoded from aws-chunked.
	Handler http.Handler

	Names *codec.Names
}

// Op returns the operation called name, or nil.
func (s *Service) Op(name string) *Op {
	for i := range s.Ops {
		if s.Ops[i].Name == name {
			return &s.Ops[i]
		}
	}
	return nil
}

func (s *Service) speaks(p Protocol) bool {
	for _, q := range s.Protocols {
		if q == p {
			return true
		}
	}
	return false
}

func (s *Service) signs(name string) bool {
	for _, n := range s.SigningNames {
		if n == name {
			return true
		}
	}
	return false
}

func (s *Service) unsigned(op string) bool {
	for _, n := range s.Unsigned {
		if n == op {
			return true
		}
	}
	return false
}

// queryCode returns the awsQuery code of an error that the service's newer protocols call
// by its shape.
func (s *Service) queryCode(shape string) string { return shape }

// check holds a decoded input against the model's constraints.
func (s *Service) check(*Op, any) error { return nil }
