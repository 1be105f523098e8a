package ecs

import (
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/page"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/internal/regex"
)

const defaultCluster = "default"

var nameForm = regex.New(`^[a-zA-Z0-9_-]{1,255}$`)

func (s *Service) clusterARN(name string) string { return s.Place.Of("ecs", "cluster/"+name) }

func (s *Service) serviceARN(v service) string {
	return s.Place.Of("ecs", "service/"+v.Cluster+"/"+v.Name)
}

func (s *Service) setARN(x set) string { return s.Place.Of("ecs", "task-set/"+x.Service+"/"+x.ID) }

func (s *Service) taskARN(t task) string { return s.Place.Of("ecs", "task/"+t.Cluster+"/"+t.ID) }

func last(s string) string { return s[strings.LastIndexByte(s, '/')+1:] }

// optional is nil for the empty text.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// resource is what stands behind the kind in an ARN of ours, or the whole of a name that
// is no ARN: "cluster/service" and "service" are both answers for a service.
func (s *Service) resource(kind, ref string) (string, error) {
	if !strings.HasPrefix(ref, "arn:") {
		return ref, nil
	}
	a, ok := arn.Parse(ref)
	got, rest, found := strings.Cut(a.Resource, "/")
	switch {
	case !ok || a.Service != "ecs" || !found:
		return "", invalid("Invalid identifier: %s", ref)
	case got != kind:
		return "", invalid("Unsupported resource type: %s", got)
	case a.Account != s.Place.Account:
		return "", invalid("Invalid identifier: Identifier is for %s. Your accountId is %s", a.Account, s.Place.Account)
	case a.Region != s.Place.Region:
		return "", invalid("Invalid identifier: Identifier is for %s. Your region is %s", a.Region, s.Place.Region)
	}
	return rest, nil
}

// clusterName resolves what a client calls a cluster by; none means default.
func (s *Service) clusterName(ref *string) (string, error) {
	name, err := s.resource("cluster", aws.ToString(ref))
	if err != nil {
		return "", err
	}
	if name == "" {
		return defaultCluster, nil
	}
	if !nameForm.MatchString(name) {
		return "", invalid("Invalid cluster name.")
	}
	return name, nil
}

// clusterOf finds an ACTIVE cluster.
func (s *Service) clusterOf(tx *store.Tx, ref *string) (cluster, error) {
	name, err := s.clusterName(ref)
	if err != nil {
		return cluster{}, err
	}
	switch c, ok := s.t.clusters.Get(tx, name); {
	case !ok:
		return cluster{}, errCluster
	case c.Status != active:
		return cluster{}, errClusterInactive
	default:
		return c, nil
	}
}

// clusterFor is clusterOf for calls that start tasks: the first of them in an account
// finds the default cluster made.
func (s *Service) clusterFor(tx *store.Tx, ref *string) (cluster, error) {
	c, err := s.clusterOf(tx, ref)
	if name, _ := s.clusterName(ref); errors.Is(err, errCluster) && name == defaultCluster {
		c = cluster{Name: name, Status: active}
		s.t.clusters.Put(tx, name, c)
		return c, nil
	}
	return c, err
}

// within takes the cluster's name from the front of a long name, and refuses another's.
func within(c cluster, long string) (string, error) {
	name, rest, ok := strings.Cut(long, "/")
	if !ok {
		return long, nil
	}
	if name != c.Name {
		return "", invalid("Invalid identifier: Identifier is for cluster %s. Your cluster is %s", name, c.Name)
	}
	return rest, nil
}

// serviceOf finds a service of an ACTIVE cluster, in whatever status.
func (s *Service) serviceOf(tx *store.Tx, clusterRef, ref *string) (service, error) {
	c, err := s.clusterOf(tx, clusterRef)
	if err != nil {
		return service{}, err
	}
	return s.serviceIn(tx, c, aws.ToString(ref))
}

func (s *Service) serviceIn(tx *store.Tx, c cluster, ref string) (service, error) {
	long, err := s.resource("service", ref)
	if err != nil {
		return service{}, err
	}
	name, err := within(c, long)
	if err != nil {
		return service{}, err
	}
	v, ok := s.t.services.Get(tx, c.Name+"/"+name)
	if !ok {
		return service{}, errService
	}
	return v, nil
}

// taskIn finds a task of a cluster.
func (s *Service) taskIn(tx *store.Tx, c cluster, ref string) (task, bool, error) {
	long, err := s.resource("task", ref)
	if err != nil {
		return task{}, false, err
	}
	id, err := within(c, long)
	if err != nil {
		return task{}, false, err
	}
	t, ok := s.t.tasks.Get(tx, c.Name+"/"+id)
	return t, ok, nil
}

// paged cuts a list of ARNs into pages of at most most.
func paged(items []string, token *string, size *int32, most int32) ([]string, *string, error) {
	n := aws.ToInt32(size)
	if n < 0 || n > most {
		return nil, nil, invalid("maxResults must be between 1 and %d", most)
	}
	if n == 0 {
		n = most
	}
	part, next, err := page.Cut(items, func(s string) string { return s }, aws.ToString(token), int(n))
	if err != nil {
		return nil, nil, errToken
	}
	if part == nil {
		part = []string{}
	}
	return part, optional(next), nil
}
