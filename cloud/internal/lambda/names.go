package lambda

import (
	"crypto/rand"
	"encoding/binary"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/internal/regex"
)

var functionName = regex.New(`^[a-zA-Z0-9_-]{1,64}$`)

func (s *Service) arnOf(name string) string { return s.Place.Of("lambda", "function:"+name) }

// qualified is an ARN with a version or an alias, if there is one.
func (s *Service) qualified(name, qualifier string) string {
	if qualifier == "" {
		return s.arnOf(name)
	}
	return s.arnOf(name) + ":" + qualifier
}

// nameOf takes the name and the qualifier out of any form that AWS takes: NAME, an ARN,
// ACCOUNT:function:NAME, each perhaps with :QUALIFIER.
func nameOf(id string) (name, qualifier string) {
	if _, rest, ok := strings.Cut(id, "function:"); ok {
		id = rest
	}
	name, qualifier, _ = strings.Cut(id, ":")
	return name, qualifier
}

// found is what an identifier means.
type found struct {
	function
	revision
	version   string // "$LATEST" or a number
	qualifier string // as the caller gave it
}

// find finds the function, and the version or the alias, that an identifier means.
func (s *Service) find(tx *store.Tx, id, qualifier *string) (found, error) {
	name, q := nameOf(aws.ToString(id))
	if qualifier != nil {
		q = *qualifier
	}
	f := found{version: q, qualifier: q}
	var ok bool
	if f.function, ok = s.t.functions.Get(tx, name); !ok || s.foreign(*id, name) {
		return found{}, notFound("Function not found: %s", s.qualified(name, q))
	}
	if q == "" {
		f.version = latest
	} else if a, ok := s.t.aliases.Get(tx, key(name, q)); ok {
		f.version = aws.ToString(a.FunctionVersion)
		if a.RoutingConfig != nil {
			f.version = routed(f.version, a.RoutingConfig.AdditionalVersionWeights)
		}
	}
	if f.revision, ok = s.t.revisions.Get(tx, key(name, f.version)); !ok {
		return found{}, notFound("Function not found: %s", s.qualified(name, q))
	}
	return f, nil
}

// foreign reports whether an ARN is of another account or region.
func (s *Service) foreign(id, name string) bool {
	return strings.HasPrefix(id, "arn:") && !strings.HasPrefix(id, s.arnOf(name))
}

// routed is one of an alias's versions: each additional one with the probability that it
// weighs.
func routed(version string, weights map[string]float64) string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails
	x := float64(binary.BigEndian.Uint64(b[:])>>11) / (1 << 53)
	for v, w := range weights {
		if x < w {
			return v
		}
		x -= w
	}
	return version
}

func (s *Service) get(id, qualifier *string) (f found, err error) {
	s.Store.View(func(tx *store.Tx) { f, err = s.find(tx, id, qualifier) })
	return f, err
}
