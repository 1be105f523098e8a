package elbv2

import "github.com/turnoutdev/turnout/cloud/internal/wire"

// Ops lists what the service answers.
func (s *Service) Ops() []wire.Op {
	return []wire.Op{
		wire.Handle(s.CreateLoadBalancer).
			Differing("DNSName is a loopback address of the load balancer's own (127.0.0.1 where the system has no other).").
			Differing("The state is active as soon as the call has answered.").
			Differing("Gateway load balancers are refused."),
		wire.Handle(s.DescribeLoadBalancers),
		wire.Handle(s.DeleteLoadBalancer),
		wire.Handle(s.DescribeLoadBalancerAttributes),
		wire.Handle(s.ModifyLoadBalancerAttributes).
			Differing("Access and connection logs are written by one node. Health check logs, cross-zone, zonal shift and WAF settings are records.").
			Differing("Requests that do not parse are refused in every desync mitigation mode, monitor included."),
		wire.Handle(s.CreateListener).
			Differing("A port that cannot be bound is replaced by another, told in the tag aws:turnout:address.").
			Differing("HTTPS listeners get self-signed certificates; authenticate-cognito is refused.").
			Differing("Identity providers are asked on loopback only, whatever their certificates; logins elsewhere end with 561, tokens with 500. Sessions end with the cloud.").
			Differing("The key that verifies X-Amzn-Oidc-Data is at /_turnout/elb/keys/ of the API."),
		wire.Handle(s.DescribeListeners),
		wire.Handle(s.ModifyListener),
		wire.Handle(s.DeleteListener),
		wire.Handle(s.DescribeListenerAttributes),
		wire.Handle(s.ModifyListenerAttributes),
		wire.Handle(s.CreateRule).
			Differing("Regular expressions are RE2's; those of hosts match with and without the port; a transform replaces the first match."),
		wire.Handle(s.DescribeRules),
		wire.Handle(s.ModifyRule),
		wire.Handle(s.DeleteRule),
		wire.Handle(s.SetRulePriorities),
		wire.Handle(s.CreateTargetGroup).
			Differing("Protocols other than HTTP, HTTPS and TCP are refused."),
		wire.Handle(s.DescribeTargetGroups),
		wire.Handle(s.ModifyTargetGroup),
		wire.Handle(s.DeleteTargetGroup),
		wire.Handle(s.DescribeTargetGroupAttributes),
		wire.Handle(s.ModifyTargetGroupAttributes).
			Differing("DNS failover thresholds are records, since DNSName is an address; so are, of network load balancers, PROXY protocol, client IP preservation and what becomes of connections to unhealthy targets."),
		wire.Handle(s.RegisterTargets).Differing("There are no instances, so none can be registered."),
		wire.Handle(s.DeregisterTargets),
		wire.Handle(s.DescribeTargetHealth),
		wire.Handle(s.AddTags),
		wire.Handle(s.RemoveTags),
		wire.Handle(s.DescribeTags).Differing("Listeners have the tag aws:turnout:address, host:port."),
		wire.Handle(s.AddListenerCertificates).Differing("Certificates are self-signed, whatever the ARN stands for."),
		wire.Handle(s.RemoveListenerCertificates),
		wire.Handle(s.DescribeListenerCertificates),
		wire.Handle(s.CreateTrustStore).Differing("The bundle is read from S3 without asking its bucket's policy."),
		wire.Handle(s.ModifyTrustStore),
		wire.Handle(s.DescribeTrustStores),
		wire.Handle(s.DeleteTrustStore),
		wire.Handle(s.DescribeTrustStoreAssociations),
		wire.Handle(s.AddTrustStoreRevocations),
		wire.Handle(s.RemoveTrustStoreRevocations),
		wire.Handle(s.DescribeTrustStoreRevocations),
		wire.Handle(s.GetTrustStoreCaCertificatesBundle),
		wire.Handle(s.GetTrustStoreRevocationContent),
		wire.Handle(s.DeleteSharedTrustStoreAssociation).Differing("Trust stores are not shared between accounts, so none of their associations can be deleted."),
		wire.Handle(s.GetResourcePolicy).Differing("Trust stores are not shared, so there are no policies."),
		wire.Handle(s.SetSubnets),
		wire.Handle(s.SetSecurityGroups).RecordOnly("loopback has no security groups"),
		wire.Handle(s.SetIpAddressType).RecordOnly("load balancers have an IPv4 loopback address"),
		wire.Handle(s.DescribeCapacityReservation),
		wire.Handle(s.ModifyCapacityReservation).RecordOnly("the balancer has no capacity units"),
		wire.Handle(s.ModifyIpPools).RecordOnly("load balancers have a loopback address, not a pool's"),
		wire.Handle(s.DescribeAccountLimits),
		wire.Handle(s.DescribeSSLPolicies).Differing("FIPS policies are absent."),
	}
}
