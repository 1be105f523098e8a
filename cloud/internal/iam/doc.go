// Package iam is AWS Identity and Access Management: who there is in a cloud, with which
// keys, and what they may do.
//
// It answers the API, finds the secret of an access key for the verification of
// signatures (Lookup), issues temporary keys for package sts (Issue), and decides what a
// caller may do (Decide) by evaluating the very policies that the API stores. Authorizer
// puts that question for every call of the API: which actions, on which resources, with
// which roles handed on.
//
// The account's root user has one access key, fixed by Options or made once and kept; it
// is what a local cloud's default credentials are; Options may hold it to a policy.
// Temporary keys survive restarts until they expire.
//
// Limits, and where AWS differs:
//   - AWS managed policies are those that concern containers and their deployment, and
//     the general ones; ReadOnlyAccess is written with wildcards.
//   - MFA devices are virtual ones. STS takes their codes.
//   - Login profiles, SAML providers, server and signing certificates, SSH
//     keys, service-specific credentials, password policies, credential reports and
//     organizations are absent.
//   - Changes hold at once; AWS's take a while to reach everywhere.
//   - Principals in trust policies are checked for their form and, within the account,
//     for their existence; AWS then keeps their unique ids, the cloud keeps their ARNs.
package iam
