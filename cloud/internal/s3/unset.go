package s3

import (
	"encoding/xml"
	"net/http"
)

// unset answers for settings that this cloud does not keep, as a bucket without them does:
// tools that read everything about a bucket go on.
var unset = map[string]operation{
	"policy":            none("GetBucketPolicy", "NoSuchBucketPolicy", "The bucket policy does not exist"),
	"cors":              none("GetBucketCORS", "NoSuchCORSConfiguration", "The CORS configuration does not exist"),
	"website":           none("GetBucketWebsite", "NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
	"lifecycle":         none("GetLifecycleConfiguration", "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
	"replication":       none("GetReplicationConfiguration", "ReplicationConfigurationNotFoundError", "The replication configuration was not found"),
	"object-lock":       none("GetBucketObjectLockConfiguration", "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket"),
	"publicAccessBlock": none("GetBucketPublicAccessBlock", "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"),
	"ownershipControls": none("GetBucketOwnershipControls", "OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
	"encryption":        none("GetEncryptionConfiguration", "ServerSideEncryptionConfigurationNotFoundError", "The server side encryption configuration was not found"),
	"logging":           empty("GetBucketLogging", "BucketLoggingStatus"),
	"notification":      empty("GetBucketNotification", "NotificationConfiguration"),
	"accelerate":        empty("GetAccelerateConfiguration", "AccelerateConfiguration"),
	"requestPayment": {"GetBucketRequestPayment", func(x *request) error {
		x.answer(http.StatusOK, struct {
			XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ RequestPaymentConfiguration"`
			Payer   string
		}{Payer: "BucketOwner"})
		return nil
	}},
}

func none(action, code, message string) operation {
	return operation{action, func(*request) error { return &failure{status: 404, code: code, message: message} }}
}

func empty(action, root string) operation {
	return operation{action, func(x *request) error {
		x.answer(http.StatusOK, struct{ XMLName xml.Name }{xml.Name{Space: namespace, Local: root}})
		return nil
	}}
}

// namespace is that of S3's documents.
const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
