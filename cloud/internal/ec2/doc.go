// Package ec2 is EC2's networks as records: VPCs, subnets, security groups and their rules,
// internet gateways, route tables, network interfaces, availability zones and tags, since
// every client asks for them before it makes anything else.
//
// As in a new account there is a default VPC from the start, 172.31.0.0/16, with a subnet
// in each of three availability zones, a security group, a route table and an internet
// gateway; a start that finds no VPC makes it again. Identifiers are made up and kept.
//
// Where it knowingly differs from AWS: nothing is routed or filtered, for everything is on
// loopback; there are no instances; what a caller makes is available at once; IPv6, peering,
// endpoints, NAT gateways and the rest of EC2 are absent, and network ACLs are the default
// ones only. Load balancers and tasks accept identifiers of subnets and security groups that
// do not exist here, so that configurations made for a real account are rehearsed unchanged.
package ec2
