// Package ssm is Systems Manager's Parameter Store: parameters with their versions, labels,
// hierarchies and tags.
//
// SecureStrings are sealed with the cloud's own key, whatever KMS key a caller names:
// without WithDecryption the sealed form is returned, as AWS returns its own. Tasks'
// secrets are read through Value.
//
// Where it knowingly differs from AWS: everything else of Systems Manager is absent;
// parameter policies (expiry, notification) are refused; advanced parameters cost nothing;
// data type aws:ec2:image is not looked up; public parameters under /aws/service do not
// exist.
package ssm
