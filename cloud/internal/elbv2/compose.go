package elbv2

import (
	"cmp"
	"crypto/tls"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// publish composes the balancer's state from what is stored and applies it. Composing
// happens under the same lock as applying, so that an older state never replaces a newer.
func (s *Service) publish() {
	s.publishing.Lock()
	state := s.apply()
	if s.chained(state) {
		state = s.apply() // now the listeners that others send to stand where they stand
	}
	s.tell(state.Listeners)
	s.publishing.Unlock()
	s.HealthChanged("")
}

func (s *Service) apply() (state balancer.State) {
	s.Store.View(func(tx *store.Tx) { state = s.compose(tx) })
	if err := s.Balancer.Apply(state); err != nil {
		s.Log.Error("load balancers could not be brought to their state", "error", err)
	}
	return state
}

// chained reports whether a group sends to a listener that does not stand where the group
// was told, because it came up only now.
func (s *Service) chained(state balancer.State) bool {
	moved := map[netip.AddrPort]bool{}
	for _, l := range state.Listeners {
		if at, _ := s.Balancer.Bound(l.ID); at.IsValid() && at != l.Addr {
			moved[l.Addr] = true
		}
	}
	for _, g := range state.Groups {
		if slices.ContainsFunc(g.Targets, func(t balancer.Target) bool { return moved[t.Addr] }) {
			return true
		}
	}
	return false
}

// tell logs where a listener stands when that is not where it was declared, once.
func (s *Service) tell(listeners []balancer.Listener) {
	now := make(map[string]string, len(listeners))
	for _, l := range listeners {
		at, why := s.Balancer.Bound(l.ID)
		now[l.ID] = at.String()
		if why != nil && s.told[l.ID] != at.String() {
			s.Log.Warn("a listener stands on another port than declared",
				"declared", l.Addr.String(), "address", at.String(), "reason", why, "listener", l.ID)
		}
	}
	s.told = now
}

func (s *Service) compose(tx *store.Tx) balancer.State {
	var state balancer.State
	inUse := map[string]bool{}
	kept := map[string]bool{}
	for id, l := range s.tables.listeners.All(tx, "") {
		lb, ok := s.tables.loadBalancers.Get(tx, aws.ToString(l.Desc.LoadBalancerArn))
		if !ok {
			continue
		}
		kept[id] = true
		rules := s.ordered(tx, id, l)
		for _, r := range rules {
			kept[*r.RuleArn] = true
			for _, g := range forwardGroups(r.Actions) {
				inUse[g] = true
			}
		}
		state.Listeners = append(state.Listeners, balancer.Listener{
			ID:          id,
			Addr:        netip.AddrPortFrom(lb.Host, uint16(*l.Desc.Port)),
			Protocol:    dataProtocol(l.Desc.Protocol),
			TLS:         s.tlsConfig(tx, id, l, nextProtocols(l.Desc, lb)),
			Rules:       s.composeRules(tx, *lb.Desc.LoadBalancerArn, rules),
			IdleTimeout: idleTimeout(lb, l),
			HTTP:        composeHTTP(lb, l),
			Record:      records(lb, accessLog),
			RecordConns: records(lb, connectionLog),
		})
	}
	for id := range s.configs {
		if !kept[id] {
			delete(s.configs, id)
		}
	}
	s.keepGates(kept)
	for id, g := range s.tables.groups.All(tx, "") {
		state.Groups = append(state.Groups, s.composeGroup(tx, id, g, inUse[id]))
	}
	return state
}

// records tells whether an application load balancer writes a log.
func records(lb loadBalancer, kind logKind) bool {
	_, on := placeOf(lb, kind)
	return on && lb.Desc.Type == types.LoadBalancerTypeEnumApplication
}

// idleTimeout is a load balancer's for HTTP, a listener's for TCP.
func idleTimeout(lb loadBalancer, l listener) time.Duration {
	if lb.Desc.Type == types.LoadBalancerTypeEnumNetwork {
		return seconds(attributesOf(l).get("tcp.idle_timeout.seconds"))
	}
	return seconds(attributesOf(lb).get("idle_timeout.timeout_seconds"))
}

// dataProtocol is the balancer's word: TLS listeners of network load balancers end TLS
// and pass on bytes.
func dataProtocol(p types.ProtocolEnum) string {
	if p == types.ProtocolEnumTls {
		return string(types.ProtocolEnumTcp)
	}
	return string(p)
}

// ordered returns a listener's rules as requests meet them, the default one last.
func (s *Service) ordered(tx *store.Tx, id string, l listener) []types.Rule {
	var some []rule
	for _, r := range s.tables.rules.All(tx, rulePrefix(id)) {
		some = append(some, r)
	}
	slices.SortFunc(some, func(a, b rule) int { return cmp.Compare(a.Priority, b.Priority) })
	out := make([]types.Rule, 0, len(some)+1)
	for _, r := range some {
		out = append(out, r.Desc)
	}
	return append(out, defaultRule(l))
}

func defaultRule(l listener) types.Rule {
	return types.Rule{
		RuleArn:   aws.String(l.DefaultRule),
		Priority:  aws.String("default"),
		Actions:   l.Desc.DefaultActions,
		IsDefault: aws.Bool(true),
	}
}

func (s *Service) composeGroup(tx *store.Tx, id string, g targetGroup, inUse bool) balancer.Group {
	a := attributesOf(g)
	return balancer.Group{
		ID:                  id,
		Name:                *g.Desc.TargetGroupName,
		Protocol:            string(g.Desc.Protocol),
		ProtocolVersion:     aws.ToString(g.Desc.ProtocolVersion),
		Targets:             s.composeTargets(tx, id),
		Health:              composeHealth(g.Desc),
		InUse:               inUse,
		DeregistrationDelay: seconds(a.get("deregistration_delay.timeout_seconds")),
		SlowStart:           seconds(a.get("slow_start.duration_seconds")),
		Stickiness:          composeStickiness(a),
		Algorithm:           a.get("load_balancing.algorithm.type"),
		MitigateAnomalies:   mitigates(a),
		MinimumHealthy:      number(a.get("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count")),
		MinimumPercent:      number(a.get("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage")),
		MultiValue:          a.get("lambda.multi_value_headers.enabled") == "true",
	}
}

// mitigates tells whether a group sends fewer requests to anomalous targets.
func mitigates(a attributes) bool {
	return a.get("load_balancing.algorithm.type") == "weighted_random" && a.get("load_balancing.algorithm.anomaly_mitigation") == "on"
}

func (s *Service) composeTargets(tx *store.Tx, group string) []balancer.Target {
	var out []balancer.Target
	for _, t := range s.tables.targets.All(tx, targetPrefix(group)) {
		if addr := s.targetAddr(tx, t); addr.IsValid() {
			out = append(out, balancer.Target{Addr: addr, Function: functionOf(t)})
		}
	}
	return out
}

// functionOf is the function that a target is, "" for none.
func functionOf(t target) string {
	if isFunctionARN(*t.Desc.Id) {
		return *t.Desc.Id
	}
	return ""
}

// targetAddr is where a target is reached. An application load balancer as a target is
// reached where its listener of that port stands.
func (s *Service) targetAddr(tx *store.Tx, t target) netip.AddrPort {
	if t.Addr.IsValid() {
		return t.Addr
	}
	for id, l := range s.tables.listeners.All(tx, listenerPrefix(*t.Desc.Id)) {
		if *l.Desc.Port != *t.Desc.Port {
			continue
		}
		if at, _ := s.Balancer.Bound(id); at.IsValid() {
			return at
		}
		lb, _ := s.tables.loadBalancers.Get(tx, *t.Desc.Id)
		return netip.AddrPortFrom(lb.Host, uint16(*t.Desc.Port))
	}
	return netip.AddrPort{}
}

func composeHealth(g types.TargetGroup) balancer.HealthCheck {
	h := balancer.HealthCheck{
		Disabled:  !aws.ToBool(g.HealthCheckEnabled),
		Protocol:  string(g.HealthCheckProtocol),
		Path:      aws.ToString(g.HealthCheckPath),
		Interval:  time.Duration(aws.ToInt32(g.HealthCheckIntervalSeconds)) * time.Second,
		Timeout:   time.Duration(aws.ToInt32(g.HealthCheckTimeoutSeconds)) * time.Second,
		Healthy:   int(aws.ToInt32(g.HealthyThresholdCount)),
		Unhealthy: int(aws.ToInt32(g.UnhealthyThresholdCount)),
	}
	if p := aws.ToString(g.HealthCheckPort); p != trafficPort && p != "" {
		h.Port = uint16(number(p))
	}
	if m := g.Matcher; m != nil {
		h.Matcher = cmp.Or(aws.ToString(m.HttpCode), aws.ToString(m.GrpcCode))
	}
	return h
}

func composeStickiness(a attributes) balancer.Stickiness {
	if a.get("stickiness.enabled") != "true" {
		return balancer.Stickiness{}
	}
	kind := a.get("stickiness.type")
	return balancer.Stickiness{
		Type:     kind,
		Cookie:   a.get("stickiness.app_cookie.cookie_name"),
		Duration: seconds(a.get("stickiness." + kind + ".duration_seconds")),
	}
}

// tlsConfig returns the same value as long as nothing about it has changed: handshakes
// resume sessions only within one configuration.
func (s *Service) tlsConfig(tx *store.Tx, id string, l listener, protocols []string) *tls.Config {
	arns := certificatesOf(l)
	if len(arns) == 0 {
		return nil
	}
	policy := aws.ToString(l.Desc.SslPolicy)
	made := strings.Join(slices.Concat([]string{policy, s.mutualStamp(tx, l.Desc)}, protocols, arns), " ")
	if e, ok := s.configs[id]; ok && e.made == made {
		return e.config
	}
	c := &tls.Config{MinVersion: minimumTLS(policy), NextProtos: protocols}
	for _, a := range arns {
		row, _ := s.tables.certificates.Get(tx, a)
		if pair, err := tls.X509KeyPair(row.Cert, row.Key); err == nil {
			c.Certificates = append(c.Certificates, pair)
		} else {
			s.Log.Error("a listener's certificate does not read", "certificate", a, "error", err)
		}
	}
	s.askClients(tx, l.Desc, c)
	s.configs[id] = tlsEntry{made, c}
	return c
}

// number reads a value that was checked when it was stored; what is not a number is 0.
func number(s string) int {
	n, _ := strconv.Atoi(s)
	return n
}

func seconds(s string) time.Duration { return time.Duration(number(s)) * time.Second }
