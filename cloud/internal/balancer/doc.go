// Package balancer is the data path of the local cloud's load balancers: it listens,
// routes by rules and weights, checks health, drains, and moves the bytes.
//
// Apply hands over the whole desired state. What requests read of it is one immutable
// table that is swapped whole: a request is routed by the state before or by the state
// after, never by a mixture. A request claims its target by counting itself in and then
// looks whether the target began to drain meanwhile; a target that leaves drains only
// after the table without it has been published. So no request falls between old and new,
// and a target from which nothing is in flight has really seen its last request.
//
// HTTP/1 is relayed by an own implementation (relay*.go over package h1) that reads heads
// strictly, frames every message anew and lets the kernel splice large bodies. HTTP/2,
// with TLS or by prior knowledge, is served by net/http, as are targets that speak it.
//
// A listener's settings, a rule's rewrites and gate, and what is recorded cost requests of
// listeners without them a comparison with nil. Functions are targets like others: behind a
// connection of their own their requests become events (function.go).
//
// The package imports no other part of the project.
//
// Where it differs from AWS:
//   - Weighted target groups, and targets in slow start, are chosen by a low-discrepancy
//     sequence instead of at random: at 10 % weight 20 requests in a row hit the group
//     twice, give or take one, where AWS may well miss it. Nothing periodic in the
//     client's behaviour can run in step with the sequence.
//   - The cookies AWSALB, AWSALBTG and AWSALBAPP-0 are opaque and survive a restart, but
//     they are not encrypted. Group stickiness goes before weights, as on AWS, also when
//     the group's weight has become 0 and when the group has no targets left.
//   - A drained target vanishes as soon as nothing is in flight; AWS completes the
//     deregistration then, too, but shows the target as draining until the delay is over.
//   - Plain HTTP listeners also accept HTTP/2 by prior knowledge, unless it is off.
//   - Desync mitigation looks at HTTP/1 alone. What does not parse is refused in every mode.
//   - Where a listener could not have its port, the one on which it stands is told in
//     X-Forwarded-Port, and in Host if it is not preserved.
//   - A redirect to a declared port of another listener on the same address names the
//     port on which that listener really stands.
package balancer
