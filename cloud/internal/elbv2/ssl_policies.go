package elbv2

import (
	"context"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// sslPolicy is a security policy: which protocols, newest first, and which ciphers.
type sslPolicy struct {
	protocols []string
	classes   string // of ciphers; see ciphers
}

// ciphers stand in the order in which policies prefer them, each with its class.
var ciphers = []struct {
	class rune // 3: TLS 1.3; g: forward secret with GCM; c: with CBC; s: with SHA-1; r: RSA key exchange; o: with SHA-1
	name  string
}{
	{'3', "TLS_AES_128_GCM_SHA256"}, {'3', "TLS_AES_256_GCM_SHA384"}, {'3', "TLS_CHACHA20_POLY1305_SHA256"},
	{'g', "ECDHE-ECDSA-AES128-GCM-SHA256"}, {'g', "ECDHE-RSA-AES128-GCM-SHA256"},
	{'c', "ECDHE-ECDSA-AES128-SHA256"}, {'c', "ECDHE-RSA-AES128-SHA256"},
	{'s', "ECDHE-ECDSA-AES128-SHA"}, {'s', "ECDHE-RSA-AES128-SHA"},
	{'g', "ECDHE-ECDSA-AES256-GCM-SHA384"}, {'g', "ECDHE-RSA-AES256-GCM-SHA384"},
	{'c', "ECDHE-ECDSA-AES256-SHA384"}, {'c', "ECDHE-RSA-AES256-SHA384"},
	{'s', "ECDHE-RSA-AES256-SHA"}, {'s', "ECDHE-ECDSA-AES256-SHA"},
	{'r', "AES128-GCM-SHA256"}, {'r', "AES128-SHA256"}, {'o', "AES128-SHA"},
	{'r', "AES256-GCM-SHA384"}, {'r', "AES256-SHA256"}, {'o', "AES256-SHA"},
}

var (
	tls13 = []string{"TLSv1.3"}
	tls12 = []string{"TLSv1.2"}
)

// sslPolicies are AWS's predefined policies, but for those of FIPS and the forward secret
// ones of 2018 to 2020. The balancer keeps to the oldest protocol; Go chooses the ciphers.
var sslPolicies = map[string]sslPolicy{
	"ELBSecurityPolicy-2016-08":                   {[]string{"TLSv1.2", "TLSv1.1", "TLSv1"}, "gcsro"},
	"ELBSecurityPolicy-TLS-1-1-2017-01":           {[]string{"TLSv1.2", "TLSv1.1"}, "gcsro"},
	"ELBSecurityPolicy-TLS-1-2-2017-01":           {tls12, "gcr"},
	"ELBSecurityPolicy-TLS-1-2-Ext-2018-06":       {tls12, "gcsro"},
	"ELBSecurityPolicy-TLS13-1-0-2021-06":         {[]string{"TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1"}, "3gcsro"},
	"ELBSecurityPolicy-TLS13-1-0-PQ-2025-09":      {[]string{"TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1"}, "3gcsro"},
	"ELBSecurityPolicy-TLS13-1-1-2021-06":         {[]string{"TLSv1.3", "TLSv1.2", "TLSv1.1"}, "3gcsro"},
	"ELBSecurityPolicy-TLS13-1-2-2021-06":         {append(tls13, tls12...), "3gc"},
	"ELBSecurityPolicy-TLS13-1-2-PQ-2025-09":      {append(tls13, tls12...), "3gc"},
	"ELBSecurityPolicy-TLS13-1-2-Res-2021-06":     {append(tls13, tls12...), "3g"},
	"ELBSecurityPolicy-TLS13-1-2-Res-PQ-2025-09":  {append(tls13, tls12...), "3g"},
	"ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06":    {append(tls13, tls12...), "3gcr"},
	"ELBSecurityPolicy-TLS13-1-2-Ext1-PQ-2025-09": {append(tls13, tls12...), "3gcr"},
	"ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06":    {append(tls13, tls12...), "3gcsro"},
	"ELBSecurityPolicy-TLS13-1-2-Ext2-PQ-2025-09": {append(tls13, tls12...), "3gcsro"},
	"ELBSecurityPolicy-TLS13-1-3-2021-06":         {tls13, "3"},
	"ELBSecurityPolicy-TLS13-1-3-PQ-2025-09":      {tls13, "3"},
}

func describePolicy(name string) types.SslPolicy {
	p := sslPolicies[name]
	out := types.SslPolicy{
		Name: aws.String(name), SslProtocols: p.protocols,
		SupportedLoadBalancerTypes: []string{"application", "network"},
	}
	for _, c := range ciphers {
		if slices.Contains([]rune(p.classes), c.class) {
			out.Ciphers = append(out.Ciphers, types.Cipher{Name: aws.String(c.name), Priority: aws.Int32(int32(len(out.Ciphers) + 1))})
		}
	}
	return out
}

// DescribeSSLPolicies returns the predefined policies.
func (s *Service) DescribeSSLPolicies(_ context.Context, in *elb.DescribeSSLPoliciesInput, _ ...func(*elb.Options)) (*elb.DescribeSSLPoliciesOutput, error) {
	names := in.Names
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(sslPolicies))
	}
	all := []types.SslPolicy{}
	for _, n := range names {
		if _, ok := sslPolicies[n]; !ok {
			return nil, &types.SSLPolicyNotFoundException{Message: text("SSL policy '%s' not found", n)}
		}
		all = append(all, describePolicy(n))
	}
	part, next, err := cut(all, func(p types.SslPolicy) string { return *p.Name }, in.Marker, in.PageSize)
	if err != nil {
		return nil, err
	}
	return &elb.DescribeSSLPoliciesOutput{SslPolicies: part, NextMarker: next}, nil
}
