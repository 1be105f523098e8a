package elbv2

import (
	"net/netip"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// loadBalancer is kept under its ARN.
type loadBalancer struct {
	Desc       types.LoadBalancer
	Host       netip.Addr        // where its listeners stand
	Attributes map[string]string // those that were set; the rest have their defaults
	Tags       []types.Tag
	Capacity   int32 // reserved units, a record
}

// listener is kept under its ARN, which continues its load balancer's.
type listener struct {
	Desc        types.Listener
	DefaultRule string   // the ARN of the rule that DefaultActions are
	Extra       []string // certificates besides the default one
	Attributes  map[string]string
	Tags        []types.Tag
	RuleTags    []types.Tag // the default rule's
}

// rule is one that is not its listener's default; it is kept under its ARN, which
// continues its listener's.
type rule struct {
	Desc     types.Rule
	Priority int32
	Tags     []types.Tag
}

// targetGroup is kept under its ARN.
type targetGroup struct {
	Desc       types.TargetGroup // without LoadBalancerArns, which follow from listeners and rules
	Attributes map[string]string
	Tags       []types.Tag
}

// target is kept under its group's ARN and what makes it unique there; see targetKey.
type target struct {
	Desc types.TargetDescription // with its port
	Addr netip.AddrPort          // invalid for load balancers as targets, which are looked up
}

// certificate is a key pair in PEM, kept under the ARN that listeners name.
type certificate struct{ Cert, Key []byte }

type tables struct {
	loadBalancers store.Table[loadBalancer]
	listeners     store.Table[listener]
	rules         store.Table[rule]
	groups        store.Table[targetGroup]
	targets       store.Table[target]
	certificates  store.Table[certificate]
	trustStores   store.Table[trustStore]
	secrets       store.Table[clientSecret]
}

func openTables(s *store.Store) (t tables, err error) {
	open(s, "elbv2/load-balancers", &t.loadBalancers, &err)
	open(s, "elbv2/listeners", &t.listeners, &err)
	open(s, "elbv2/rules", &t.rules, &err)
	open(s, "elbv2/target-groups", &t.groups, &err)
	open(s, "elbv2/targets", &t.targets, &err)
	open(s, "elbv2/certificates", &t.certificates, &err)
	open(s, "elbv2/trust-stores", &t.trustStores, &err)
	open(s, "elbv2/client-secrets", &t.secrets, &err)
	return t, err
}

func open[T any](s *store.Store, name string, t *store.Table[T], err *error) {
	if *err == nil {
		*t, *err = store.NewTable[T](s, name)
	}
}

// listenerPrefix is what the ARNs of all listeners of a load balancer begin with.
func listenerPrefix(loadBalancerARN string) string {
	return strings.Replace(loadBalancerARN, ":loadbalancer/", ":listener/", 1) + "/"
}

// rulePrefix is what the ARNs of all rules of a listener begin with.
func rulePrefix(listenerARN string) string {
	return strings.Replace(listenerARN, ":listener/", ":listener-rule/", 1) + "/"
}

// parent takes the last part off an ARN: a rule's listener, a listener's load balancer,
// with the resource type put right by the caller's word.
func parent(arn, is, of string) string {
	i := strings.LastIndexByte(arn, '/')
	if i < 0 {
		return ""
	}
	return strings.Replace(arn[:i], ":"+is+"/", ":"+of+"/", 1)
}

func ruleListener(ruleARN string) string { return parent(ruleARN, "listener-rule", "listener") }

func listenerBalancer(listenerARN string) string {
	return parent(listenerARN, "listener", "loadbalancer")
}

// isNetwork reports whether an ARN of a load balancer, listener or rule belongs to a
// network load balancer.
func isNetwork(arn string) bool { return strings.Contains(arn, "/net/") }

func targetPrefix(group string) string { return group + " " }

// targetKey makes targets unique by identifier and port within their group.
func targetKey(group string, t types.TargetDescription) string {
	return targetPrefix(group) + *t.Id + " " + portText(t.Port)
}
