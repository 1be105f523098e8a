// Package policy reads and evaluates IAM policies. It is pure: it knows no service, no
// store and no clock, and imports no package of the project.
//
// Parse reads a document strictly; its errors are worded as IAM words them. Evaluate
// decides one request from all the policies that bear on it and says which statement
// decided. The order is AWS's: an explicit deny anywhere wins; then somebody must allow.
//
// Limits: organizations' policies do not exist here, and all principals are taken to be
// of the resource's own account. Of AWS's global condition keys the request has those that
// its maker puts in. Grammar that Version 2008-10-17 documents lack (policy variables) is
// read as plain text there, as AWS does.
package policy
