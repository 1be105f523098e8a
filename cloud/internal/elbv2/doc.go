// Package elbv2 is Elastic Load Balancing, version 2: load balancers that really listen,
// listeners, rules, target groups and the health of their targets.
//
// The service keeps the records; package balancer moves the bytes. Each change that
// touches routing composes the balancer's whole state and applies it before the call
// returns: when ModifyListener has answered, the next request follows the new weights.
//
// How a load balancer is reached. Each has a loopback address of its own in 127.64.0.0/10,
// allocated when it is made and kept as long as it lives, so that listeners keep their
// declared ports; DNSName is that address itself, which every client resolves. Where the
// system has 127.0.0.1 only (macOS), all load balancers share it. A port that cannot be
// had (taken, or below 1024 without the right) is replaced by another one; which one
// stands in the listener's tag "aws:turnout:address", present on every listener, and in
// the log with the reason.
//
// HTTPS listeners accept any certificate ARN of the form that ACM or IAM gives out; the
// cloud makes a self-signed certificate for each, once, and keeps it.
//
// Measure publishes the usual metrics of AWS/ApplicationELB and AWS/NetworkELB, by load
// balancer and by target group, not by availability zone.
//
// Limits, and where AWS differs:
//   - Load balancers are "provisioning" in CreateLoadBalancer's answer only.
//   - Application load balancers in full, apart from authenticate-cognito, which is refused:
//     there is no Amazon Cognito. Network load balancers for TCP and TLS listeners and TCP
//     target groups. Gateway load balancers are refused.
//   - Identity providers (authenticate-oidc, jwt-validation) are asked on loopback only.
//     The keys of sessions, and of what targets are told of users, last as long as the
//     process.
//   - Targets are IP addresses, or for network load balancers an application load
//     balancer. The cloud has no EC2 instances, so none can be registered; target groups
//     of type instance can be made. Functions are invoked by the neighbour that has them,
//     if their policies let load balancers do so when they are registered.
//   - A subnet that the cloud has stands in its zone and VPC. Any other identifier is
//     accepted too, of security groups as well, so that what names a real account's is
//     rehearsed unchanged; the zones of such subnets are dealt out in turn.
//   - Trust stores are not shared between accounts. Capacity reservations, IP
//     pools and security groups are records.
package elbv2
