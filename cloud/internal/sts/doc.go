// Package sts is the AWS Security Token Service: it tells who calls, and hands out
// temporary keys to those whom a role's trust policy lets in.
//
// Roles, providers and keys are IAM's; sts asks for them through the interfaces in
// neighbours.go. The keys that it hands out survive restarts until they expire.
//
// AssumeRoleWithWebIdentity fetches the issuer's discovery document and keys over HTTPS,
// or over plain HTTP from loopback. Issuer is a small OpenID Connect provider of the
// cloud's own in the shape of GitHub's: with it a workflow's `id-token: write` works where
// there is no network. Its tokens bear GitHub's name, so that trust policies written for
// GitHub hold; tokens that GitHub itself has signed are verified with GitHub's own keys.
//
// Limits, and where AWS differs:
//   - SAML, federation tokens of GetFederationToken's kind, root sessions of member
//     accounts and delegated access tokens are absent.
//   - There is no limit on packed policies, and PackedPolicySize, which is deprecated, is
//     absent; SessionTokenUtilization is of 4096 bytes.
//   - Roles of other accounts do not exist.
//   - Services of the cloud assume roles for all of their resources: aws:SourceArn ends in *.
package sts
