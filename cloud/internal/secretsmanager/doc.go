// Package secretsmanager is AWS Secrets Manager: secrets with their versions, staging
// labels, tags and recovery windows.
//
// Values are sealed with the cloud's own key, whatever KMS key a caller names. A secret is
// found by its name, by its ARN, and by its ARN without the six characters at its end.
//
// Where it knowingly differs from AWS: there is no rotation and no replication; resource
// policies are kept and not evaluated.
package secretsmanager
