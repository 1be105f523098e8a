package s3

import (
	"encoding/xml"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// setting is a document that a bucket keeps under one of its subresources, and gives back
// as it came.
type setting struct {
	root     string // the document's element
	get, put string // actions
	fixed    bool   // it cannot be deleted
	unset    func(*request) error
	check    func(*request, []byte) error // holds a well-formed document against S3's rules
}

var settings = map[string]setting{
	"cors": {
		root: "CORSConfiguration", get: "GetBucketCORS", put: "PutBucketCORS", check: checkCORS,
		unset: none("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
	},
	"website": {
		root: "WebsiteConfiguration", get: "GetBucketWebsite", put: "PutBucketWebsite", check: checkWebsite,
		unset: none("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration"),
	},
	"lifecycle": {
		root: "LifecycleConfiguration", get: "GetLifecycleConfiguration", put: "PutLifecycleConfiguration", check: checkLifecycle,
		unset: none("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist"),
	},
	"publicAccessBlock": {
		root: "PublicAccessBlockConfiguration", get: "GetBucketPublicAccessBlock", put: "PutBucketPublicAccessBlock",
		unset: none("NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found"),
	},
	"ownershipControls": {
		root: "OwnershipControls", get: "GetBucketOwnershipControls", put: "PutBucketOwnershipControls", check: checkOwnership,
		unset: none("OwnershipControlsNotFoundError", "The bucket ownership controls were not found"),
	},
	"encryption": {
		root: "ServerSideEncryptionConfiguration", get: "GetEncryptionConfiguration", put: "PutEncryptionConfiguration", check: checkEncryption,
		unset: given(encryptedByDefault),
	},
	"logging": {
		root: "BucketLoggingStatus", get: "GetBucketLogging", put: "PutBucketLogging", fixed: true, check: checkLogging,
		unset: given(`<BucketLoggingStatus xmlns="` + namespace + `"/>`),
	},
	"notification": {
		root: "NotificationConfiguration", get: "GetBucketNotification", put: "PutBucketNotification", fixed: true, check: checkNotification,
		unset: given(`<NotificationConfiguration xmlns="` + namespace + `"/>`),
	},
	"accelerate": {
		root: "AccelerateConfiguration", get: "GetAccelerateConfiguration", put: "PutAccelerateConfiguration", fixed: true, check: checkAccelerate,
		unset: given(`<AccelerateConfiguration xmlns="` + namespace + `"/>`),
	},
	"requestPayment": {
		root: "RequestPaymentConfiguration", get: "GetBucketRequestPayment", put: "PutBucketRequestPayment", fixed: true, check: checkPayment,
		unset: given(`<RequestPaymentConfiguration xmlns="` + namespace + `"><Payer>BucketOwner</Payer></RequestPaymentConfiguration>`),
	},
}

// namespace is that of S3's documents.
const namespace = "http://s3.amazonaws.com/doc/2006-03-01/"

// What buckets have had from their creation since 2023.
const (
	encryptedByDefault = `<ServerSideEncryptionConfiguration xmlns="` + namespace + `"><Rule><ApplyServerSideEncryptionByDefault>` +
		`<SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>false</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>`
	blockedByDefault = `<PublicAccessBlockConfiguration xmlns="` + namespace + `"><BlockPublicAcls>true</BlockPublicAcls><IgnorePublicAcls>true</IgnorePublicAcls>` +
		`<BlockPublicPolicy>true</BlockPublicPolicy><RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>`
)

func owned(how string) string {
	return `<OwnershipControls xmlns="` + namespace + `"><Rule><ObjectOwnership>` + how + `</ObjectOwnership></Rule></OwnershipControls>`
}

// unset answers for settings that this cloud does not keep, as a bucket without them does:
// tools that read everything about a bucket go on.
var unset = map[string]operation{
	"replication": {"GetReplicationConfiguration", none("ReplicationConfigurationNotFoundError", "The replication configuration was not found")},
	"object-lock": {"GetBucketObjectLockConfiguration", none("ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket")},
}

func none(code, message string) func(*request) error {
	return func(*request) error { return &failure{status: 404, code: code, message: message} }
}

func given(doc string) func(*request) error {
	return func(x *request) error { x.plain("application/xml", xml.Header+doc); return nil }
}

// plain answers with a text.
func (x *request) plain(kind, text string) {
	x.w.Header().Set("Content-Type", kind)
	x.w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(x.w, text) // a caller that is gone is no error of ours
}

// operation is what a method does to a setting.
func (c setting) operation(method, name string) (operation, bool) {
	switch method {
	case http.MethodGet:
		return operation{c.get, func(x *request) error { return x.getSetting(name, c) }}, true
	case http.MethodPut:
		return operation{c.put, func(x *request) error { return x.putSetting(name, c) }}, true
	case http.MethodDelete:
		return operation{c.put, func(x *request) error { return x.deleteSetting(name) }}, !c.fixed
	}
	return operation{}, false
}

// sizeHeader is the part of a lifecycle configuration that S3 keeps in a header.
const sizeHeader = "X-Amz-Transition-Default-Minimum-Object-Size"

func (x *request) getSetting(name string, c setting) error {
	b, err := x.s.bucketOf(x.bucket)
	if err != nil {
		return err
	}
	doc := b.Settings[name]
	if doc == "" {
		return c.unset(x)
	}
	if name == "lifecycle" {
		x.w.Header().Set(sizeHeader, b.Settings[sizeHeader])
	}
	x.plain("application/xml", doc)
	return nil
}

func (x *request) putSetting(name string, c setting) error {
	text, err := io.ReadAll(io.LimitReader(x.r.Body, maxDocument))
	if err != nil {
		return err
	}
	var root struct{ XMLName xml.Name }
	if xml.Unmarshal(text, &root) != nil || root.XMLName.Local != c.root {
		return errXML
	}
	if c.check != nil {
		if err := c.check(x, text); err != nil {
			return err
		}
	}
	size := x.r.Header.Get(sizeHeader)
	if size == "" {
		size = "all_storage_classes_128K"
	}
	if name == "lifecycle" {
		x.w.Header().Set(sizeHeader, size)
	}
	return x.changeBucket(func(b *bucket) {
		b.set(name, string(text))
		if name == "lifecycle" {
			b.set(sizeHeader, size)
		}
	})
}

func (x *request) deleteSetting(name string) error {
	return x.alterBucket(http.StatusNoContent, func(b *bucket) { b.set(name, "") })
}

// set changes a setting of a bucket that is not stored yet; "" removes it.
func (b *bucket) set(name, doc string) {
	all := map[string]string{}
	for k, v := range b.Settings {
		all[k] = v
	}
	if all[name] = doc; doc == "" {
		delete(all, name)
	}
	b.Settings = all
}

// read decodes a setting, if there is one.
func (b *bucket) read(name string, doc any) {
	_ = xml.Unmarshal([]byte(b.Settings[name]), doc) // checked when it was set; absent is no error
}

// blocks are what a bucket keeps public access from.
type blocks struct {
	BlockPublicAcls, IgnorePublicAcls, BlockPublicPolicy, RestrictPublicBuckets bool
}

func (b *bucket) blocks() (c blocks) {
	b.read("publicAccessBlock", &c)
	return c
}

// enforced tells whether all objects are the bucket's owner's, and ACLs have no say.
func (b *bucket) enforced() bool { return b.ownership() == enforced }

const enforced = "BucketOwnerEnforced"

func (b *bucket) ownership() string {
	var c struct {
		Rule struct{ ObjectOwnership string }
	}
	b.read("ownershipControls", &c)
	return c.Rule.ObjectOwnership
}

// algorithm is how objects are said to be encrypted.
func (b *bucket) algorithm() string {
	var c encryption
	b.read("encryption", &c)
	if len(c.Rule) == 0 || c.Rule[0].Default.Algorithm == "" {
		return "AES256"
	}
	return c.Rule[0].Default.Algorithm
}

type encryption struct {
	Rule []struct {
		Default struct {
			Algorithm string `xml:"SSEAlgorithm"`
		} `xml:"ApplyServerSideEncryptionByDefault"`
	}
}

func oneOf(value string, of ...string) error {
	if slices.Contains(of, value) {
		return nil
	}
	return errXML
}

func checkOwnership(_ *request, text []byte) error {
	b := bucket{Settings: map[string]string{"ownershipControls": string(text)}}
	return oneOf(b.ownership(), enforced, "BucketOwnerPreferred", "ObjectWriter")
}

func checkEncryption(_ *request, text []byte) error {
	var c encryption
	if xml.Unmarshal(text, &c) != nil || len(c.Rule) != 1 {
		return errXML
	}
	return oneOf(c.Rule[0].Default.Algorithm, "AES256", "aws:kms", "aws:kms:dsse", "")
}

func checkCORS(_ *request, text []byte) error {
	var c struct {
		Rules []struct {
			Methods []string `xml:"AllowedMethod"`
			Origins []string `xml:"AllowedOrigin"`
		} `xml:"CORSRule"`
	}
	if xml.Unmarshal(text, &c) != nil || len(c.Rules) == 0 || len(c.Rules) > 100 {
		return errXML
	}
	for _, r := range c.Rules {
		if len(r.Methods) == 0 || len(r.Origins) == 0 {
			return errXML
		}
		for _, m := range r.Methods {
			if oneOf(m, "GET", "PUT", "POST", "DELETE", "HEAD") != nil {
				return &failure{status: 400, code: "InvalidRequest", message: "Found unsupported HTTP method in CORS config. Unsupported method is " + m}
			}
		}
	}
	return nil
}

func checkWebsite(_ *request, text []byte) error {
	var c struct {
		Index    string `xml:"IndexDocument>Suffix"`
		Redirect string `xml:"RedirectAllRequestsTo>HostName"`
	}
	if xml.Unmarshal(text, &c) != nil || (c.Index == "") == (c.Redirect == "") {
		return errXML
	}
	return nil
}

func checkLifecycle(_ *request, text []byte) error {
	var c struct{ Rule []struct{ ID, Status string } }
	if xml.Unmarshal(text, &c) != nil || len(c.Rule) == 0 || len(c.Rule) > 1000 {
		return errXML
	}
	seen := map[string]bool{}
	for _, r := range c.Rule {
		if err := oneOf(r.Status, "Enabled", "Disabled"); err != nil {
			return err
		}
		if r.ID != "" && seen[r.ID] {
			return badArgument("Rule ID must be unique. Found same ID for more than one rule")
		}
		seen[r.ID] = true
	}
	return nil
}

func checkLogging(x *request, text []byte) error {
	var c struct {
		Target string `xml:"LoggingEnabled>TargetBucket"`
	}
	if xml.Unmarshal(text, &c) != nil {
		return errXML
	}
	known := c.Target == ""
	x.s.Store.View(func(tx *store.Tx) {
		if _, ok := x.s.buckets.Get(tx, c.Target); ok {
			known = true
		}
	})
	if !known {
		return &failure{status: 400, code: "InvalidTargetBucketForLogging", message: "The target bucket for logging does not exist"}
	}
	return nil
}

// checkNotification takes what needs nobody to notify: none, or EventBridge.
func checkNotification(_ *request, text []byte) error {
	for _, kind := range []string{"TopicConfiguration", "QueueConfiguration", "CloudFunctionConfiguration"} {
		if strings.Contains(string(text), "<"+kind) {
			return badArgument("Unable to validate the following destination configurations")
		}
	}
	return nil
}

func checkAccelerate(_ *request, text []byte) error {
	var c struct{ Status string }
	_ = xml.Unmarshal(text, &c) // it was read once
	return oneOf(c.Status, "Enabled", "Suspended")
}

func checkPayment(_ *request, text []byte) error {
	var c struct{ Payer string }
	_ = xml.Unmarshal(text, &c) // it was read once
	return oneOf(c.Payer, "BucketOwner", "Requester")
}
