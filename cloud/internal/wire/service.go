package wire

import (
	"net/http"
	"sync"

	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
	"github.com/turnoutdev/turnout/cloud/internal/wire/constraints"
)

// Protocol is one of AWS's wire protocols.
type Protocol string

// The protocols. A service may speak several.
const (
	JSON10   Protocol = "awsJson1.0"
	JSON11   Protocol = "awsJson1.1"
	Query    Protocol = "awsQuery"
	EC2Query Protocol = "ec2Query"
	CBOR     Protocol = "rpc-v2-cbor"
	RestJSON Protocol = "restJson1"
	RestXML  Protocol = "restXml"
)

// Service is one AWS service: its facts on the wire, and its operations.
type Service struct {
	ID           string     // prefix of its IAM actions: "ecs", "elasticloadbalancing"
	SDK          string     // the SDKs' service id: "ECS", "Elastic Load Balancing v2"
	SigningNames []string   // services that a credential scope may name
	Global       bool       // one endpoint for the world, signed for us-east-1
	Protocols    []Protocol // newest first
	TargetPrefix string     // before the dot of X-Amz-Target, and in rpc-v2-cbor's path
	Version      string     // of the API: awsQuery's Version parameter
	XMLNS        string     // of awsQuery's responses

	Ops      []Op
	Status   map[string]int // HTTP statuses of error codes that the model does not have
	PathRoot []string       // prefixes of paths that are the service's, signed or not

	Wording     Wording // of broken constraints
	InvalidCode string  // the error's code then

	// Handler serves all the service's requests instead of Ops (S3). Requests arrive
	// authenticated, their bodies taken out of aws-chunked form and checked while they are
	// read; Authorize and Middleware know operations only and do not see them.
	Handler http.Handler
	Handles []string          // the operations that Handler answers, for coverage tables
	Records map[string]string // those of them that keep a record and no more, with why

	// Host reads the name that a request calls the server, for a service with a Handler:
	// the bucket in it, and whether requests with that name are the service's without a
	// signature that says so.
	Host func(host string) (bucket string, ours bool)

	Names *codec.Names

	once  sync.Once
	table *constraints.Table
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

// model returns the facts generated from the service's model, read at their first use; nil
// has none.
func (s *Service) model() *constraints.Table {
	s.once.Do(func() { s.table = constraints.For(s.ID) })
	return s.table
}

// status returns the HTTP status of an error code, 0 if it is not the service's own.
func (s *Service) status(code string) int {
	if st := s.Status[code]; st != 0 {
		return st
	}
	return s.model().Status(code)
}
