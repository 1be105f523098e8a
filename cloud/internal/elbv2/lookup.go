package elbv2

import "github.com/turnoutdev/turnout/cloud/internal/store"

func (s *Service) balancerByARN(id string) (lb loadBalancer, err error) {
	if err := checkARN(id, "loadbalancer"); err != nil {
		return lb, err
	}
	ok := false
	s.Store.View(func(tx *store.Tx) { lb, ok = s.tables.loadBalancers.Get(tx, id) })
	if !ok {
		return lb, errLoadBalancers
	}
	return lb, nil
}

// changeBalancer stores what f makes of a load balancer.
func (s *Service) changeBalancer(id string, f func(*store.Tx, *loadBalancer) error) (lb loadBalancer, err error) {
	if err := checkARN(id, "loadbalancer"); err != nil {
		return lb, err
	}
	err = s.change(func(tx *store.Tx) error {
		var ok bool
		if lb, ok = s.tables.loadBalancers.Get(tx, id); !ok {
			return noLoadBalancer(id)
		}
		if err := f(tx, &lb); err != nil {
			return err
		}
		s.tables.loadBalancers.Put(tx, id, lb)
		return nil
	})
	return lb, err
}

func (s *Service) listenerByARN(id string) (l listener, err error) {
	if err := checkARN(id, "listener"); err != nil {
		return l, err
	}
	ok := false
	s.Store.View(func(tx *store.Tx) { l, ok = s.tables.listeners.Get(tx, id) })
	if !ok {
		return l, errListeners
	}
	return l, nil
}

// changeListener stores what f makes of a listener.
func (s *Service) changeListener(id string, f func(*store.Tx, *listener) error) (l listener, err error) {
	if err := checkARN(id, "listener"); err != nil {
		return l, err
	}
	err = s.change(func(tx *store.Tx) error {
		var ok bool
		if l, ok = s.tables.listeners.Get(tx, id); !ok {
			return noListener(id)
		}
		if err := f(tx, &l); err != nil {
			return err
		}
		s.tables.listeners.Put(tx, id, l)
		return nil
	})
	return l, err
}
