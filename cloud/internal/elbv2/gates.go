package elbv2

import (
	"encoding/json"
	"maps"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// gateEntry is a rule's gate, which is the same as long as its configuration is.
type gateEntry struct {
	made string
	gate balancer.Gate
}

// gateOf is the gate before a rule's routing action, nil for none.
func (s *Service) gateOf(tx *store.Tx, lb string, r types.Rule) balancer.Gate {
	if len(r.Actions) < 2 {
		return nil
	}
	id, a := *r.RuleArn, r.Actions[0]
	secret, _ := s.tables.secrets.Get(tx, id)
	made, _ := json.Marshal([]any{a, secret}) // of strings and numbers
	s.gateMu.Lock()
	defer s.gateMu.Unlock()
	if e, ok := s.gates[id]; ok && e.made == string(made) {
		return e.gate
	}
	var g balancer.Gate
	switch {
	case a.JwtValidationConfig != nil:
		g = &jwtGate{config: *a.JwtValidationConfig, log: s.Log.Warn}
	case a.AuthenticateOidcConfig != nil:
		c := *a.AuthenticateOidcConfig
		c.ClientSecret = aws.String(secret.Secret)
		g = &oidcGate{login: s.login, id: id, lb: lb, config: c, find: s.oidcGate, log: s.Log.Warn}
	}
	s.gates[id] = gateEntry{string(made), g}
	return g
}

// keepGates forgets the gates of rules that are gone.
func (s *Service) keepGates(rules map[string]bool) {
	s.gateMu.Lock()
	defer s.gateMu.Unlock()
	maps.DeleteFunc(s.gates, func(id string, _ gateEntry) bool { return !rules[id] })
}

// oidcGate finds the gate of a rule.
func (s *Service) oidcGate(rule string) *oidcGate {
	s.gateMu.Lock()
	defer s.gateMu.Unlock()
	g, _ := s.gates[rule].gate.(*oidcGate)
	return g
}

// clientSecret is that of a rule's OIDC client, kept under the rule's ARN and never told.
type clientSecret struct{ Secret string }

// keepSecret takes the client secret out of a rule's actions. One that is not given stays.
func (s *Service) keepSecret(tx *store.Tx, rule string, actions []types.Action) error {
	for i := range actions {
		c := actions[i].AuthenticateOidcConfig
		if c == nil {
			continue
		}
		own := *c
		if own.ClientSecret != nil {
			s.tables.secrets.Put(tx, rule, clientSecret{*own.ClientSecret})
		} else if _, ok := s.tables.secrets.Get(tx, rule); !ok {
			return badAction("A client secret must be specified")
		}
		own.ClientSecret, own.UseExistingClientSecret = nil, nil
		actions[i].AuthenticateOidcConfig = &own
		return nil
	}
	s.tables.secrets.Delete(tx, rule)
	return nil
}
