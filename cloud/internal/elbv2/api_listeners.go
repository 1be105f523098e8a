package elbv2

import (
	"cmp"
	"context"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// CreateListener makes a load balancer listen; when it has answered, it does.
func (s *Service) CreateListener(_ context.Context, in *elb.CreateListenerInput, _ ...func(*elb.Options)) (*elb.CreateListenerOutput, error) {
	lb := aws.ToString(in.LoadBalancerArn)
	if err := checkARN(lb, "loadbalancer"); err != nil {
		return nil, err
	}
	l := listener{Desc: types.Listener{
		LoadBalancerArn: in.LoadBalancerArn, Port: in.Port, Protocol: in.Protocol,
		ListenerArn:    aws.String(listenerPrefix(lb) + ids.Hex(16)),
		SslPolicy:      in.SslPolicy,
		Certificates:   in.Certificates,
		AlpnPolicy:     in.AlpnPolicy,
		DefaultActions: in.DefaultActions, MutualAuthentication: in.MutualAuthentication,
	}}
	l.DefaultRule = rulePrefix(*l.Desc.ListenerArn) + ids.Hex(16)
	var err error
	if l.Tags, err = mergeTags(nil, in.Tags); err != nil {
		return nil, err
	}
	err = s.change(func(tx *store.Tx) error { return s.putListener(tx, &l) })
	if err != nil {
		return nil, err
	}
	return &elb.CreateListenerOutput{Listeners: []types.Listener{l.Desc}}, nil
}

// putListener checks a new or changed listener whole and stores it.
func (s *Service) putListener(tx *store.Tx, l *listener) error {
	d := &l.Desc
	lb := *d.LoadBalancerArn
	if _, ok := s.tables.loadBalancers.Get(tx, lb); !ok {
		return noLoadBalancer(lb)
	}
	if err := checkProtocol(lb, d); err != nil {
		return err
	}
	var err error
	if d.DefaultActions, err = echo(d.DefaultActions, d.Protocol); err != nil {
		return err
	}
	if err := s.keepSecret(tx, l.DefaultRule, d.DefaultActions); err != nil {
		return err
	}
	n := 0
	for id, other := range s.tables.listeners.All(tx, listenerPrefix(lb)) {
		n++
		if *other.Desc.Port == *d.Port && id != *d.ListenerArn {
			return &types.DuplicateListenerException{Message: text(
				"A listener already exists on this port for this load balancer '%s'", lb)}
		}
	}
	if n > maxListeners {
		return &types.TooManyListenersException{Message: text("The maximum number of listeners per load balancer is '%d'", maxListeners)}
	}
	if err := s.checkGroups(tx, lb, d.Protocol, d.DefaultActions); err != nil {
		return err
	}
	if err := s.secure(tx, d); err != nil {
		return err
	}
	if err := s.checkMutual(tx, d); err != nil {
		return err
	}
	s.tables.listeners.Put(tx, *d.ListenerArn, *l)
	return nil
}

const maxListeners = 50

func checkProtocol(lb string, d *types.Listener) error {
	if d.Port == nil {
		return validation("A listener port must be specified")
	}
	if d.Protocol == "" {
		return validation("A listener protocol must be specified")
	}
	if *d.Port < 1 || *d.Port > 65535 {
		return validation("Port '%d' must be between '1' and '65535' inclusive", *d.Port)
	}
	if !isNetwork(lb) {
		if !isHTTP(d.Protocol) {
			return validation("Listener protocol '%s' must be one of 'HTTP, HTTPS'", d.Protocol)
		}
		return nil
	}
	switch d.Protocol {
	case types.ProtocolEnumTcp, types.ProtocolEnumTls:
		return nil
	case types.ProtocolEnumHttp, types.ProtocolEnumHttps:
		return validation("Listener protocol '%s' must be one of 'UDP, TCP, TCP_UDP, TLS'", d.Protocol)
	}
	return &types.UnsupportedProtocolException{Message: text("Listener protocol '%s' is not offered by the local cloud", d.Protocol)}
}

// ModifyListener replaces what is given; actions are replaced as a whole list. When it
// has answered, new requests follow it.
func (s *Service) ModifyListener(_ context.Context, in *elb.ModifyListenerInput, _ ...func(*elb.Options)) (*elb.ModifyListenerOutput, error) {
	id := aws.ToString(in.ListenerArn)
	if err := checkARN(id, "listener"); err != nil {
		return nil, err
	}
	var l listener
	err := s.change(func(tx *store.Tx) error {
		var ok bool
		if l, ok = s.tables.listeners.Get(tx, id); !ok {
			return noListener(id)
		}
		was := l.Desc.Protocol
		d := &l.Desc
		d.Port = cmp.Or(in.Port, d.Port)
		d.Protocol = cmp.Or(in.Protocol, d.Protocol)
		d.SslPolicy = cmp.Or(in.SslPolicy, d.SslPolicy)
		d.MutualAuthentication = cmp.Or(in.MutualAuthentication, d.MutualAuthentication)
		if len(in.Certificates) > 0 {
			d.Certificates = in.Certificates
		}
		if len(in.AlpnPolicy) > 0 {
			d.AlpnPolicy = in.AlpnPolicy
		}
		if len(in.DefaultActions) > 0 {
			d.DefaultActions = in.DefaultActions
		}
		if isSecure(was) && !isSecure(d.Protocol) && in.SslPolicy == nil && len(in.Certificates) == 0 {
			d.SslPolicy, d.Certificates, d.MutualAuthentication, l.Extra = nil, nil, nil, nil
		}
		return s.putListener(tx, &l)
	})
	if err != nil {
		return nil, err
	}
	return &elb.ModifyListenerOutput{Listeners: []types.Listener{l.Desc}}, nil
}

// DescribeListeners returns a load balancer's listeners, by port, or those that are named.
func (s *Service) DescribeListeners(_ context.Context, in *elb.DescribeListenersInput, _ ...func(*elb.Options)) (*elb.DescribeListenersOutput, error) {
	lb := aws.ToString(in.LoadBalancerArn)
	switch {
	case lb == "" && len(in.ListenerArns) == 0:
		return nil, validation("You must specify either listener ARNs or a load balancer ARN")
	case lb != "" && len(in.ListenerArns) > 0:
		return nil, validation("Listener ARNs and a load balancer ARN cannot be specified at the same time")
	}
	var all []types.Listener
	var err error
	s.Store.View(func(tx *store.Tx) {
		if lb != "" {
			all, err = s.listenersOf(tx, lb)
		} else {
			all, err = s.listenersNamed(tx, in.ListenerArns)
		}
	})
	if err != nil {
		return nil, err
	}
	part, next, err := cut(all, func(l types.Listener) string { return *l.ListenerArn }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	return &elb.DescribeListenersOutput{Listeners: part, NextMarker: next}, nil
}

func (s *Service) listenersOf(tx *store.Tx, lb string) ([]types.Listener, error) {
	if err := checkARN(lb, "loadbalancer"); err != nil {
		return nil, err
	}
	if _, ok := s.tables.loadBalancers.Get(tx, lb); !ok {
		return nil, errLoadBalancers
	}
	out := []types.Listener{}
	for _, l := range s.tables.listeners.All(tx, listenerPrefix(lb)) {
		out = append(out, l.Desc)
	}
	slices.SortFunc(out, func(a, b types.Listener) int { return cmp.Compare(*a.Port, *b.Port) })
	return out, nil
}

func (s *Service) listenersNamed(tx *store.Tx, arns []string) ([]types.Listener, error) {
	out := []types.Listener{}
	for _, id := range arns {
		if err := checkARN(id, "listener"); err != nil {
			return nil, err
		}
		l, ok := s.tables.listeners.Get(tx, id)
		if !ok {
			return nil, errListeners
		}
		out = append(out, l.Desc)
	}
	return out, nil
}

// DeleteListener removes a listener with its rules.
func (s *Service) DeleteListener(_ context.Context, in *elb.DeleteListenerInput, _ ...func(*elb.Options)) (*elb.DeleteListenerOutput, error) {
	id := aws.ToString(in.ListenerArn)
	if err := checkARN(id, "listener"); err != nil {
		return nil, err
	}
	err := s.change(func(tx *store.Tx) error {
		l, ok := s.tables.listeners.Get(tx, id)
		if !ok {
			return noListener(id)
		}
		if group, used := s.targetedBy(tx, *l.Desc.LoadBalancerArn); used && s.targetsPort(tx, group, l) {
			return &types.ResourceInUseException{Message: text(
				"Listener '%s' cannot be deleted because it is currently targeted by target group '%s'", id, group)}
		}
		s.removeListener(tx, id)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &elb.DeleteListenerOutput{}, nil
}

// targetsPort reports whether a group sends to just this listener of a load balancer.
func (s *Service) targetsPort(tx *store.Tx, group string, l listener) bool {
	_, ok := s.tables.targets.Get(tx, targetKey(group, types.TargetDescription{Id: l.Desc.LoadBalancerArn, Port: l.Desc.Port}))
	return ok
}

func (s *Service) removeListener(tx *store.Tx, id string) {
	for r := range s.tables.rules.All(tx, rulePrefix(id)) {
		s.tables.rules.Delete(tx, r)
		s.tables.secrets.Delete(tx, r)
	}
	if l, ok := s.tables.listeners.Get(tx, id); ok {
		s.tables.secrets.Delete(tx, l.DefaultRule)
	}
	s.tables.listeners.Delete(tx, id)
}
