package wire

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
)

// Botocore, and so boto3 and the aws command, presigns S3's URLs by the older Signature
// Version 2 unless it is told otherwise. Nothing else is taken in that form.

// presigned2 tells a URL presigned by Signature Version 2.
func presigned2(r *http.Request) bool {
	q := r.URL.RawQuery
	return strings.Contains(q, "AWSAccessKeyId=") && strings.Contains(q, "Signature=") && strings.Contains(q, "Expires=")
}

// authenticate2 returns who presigned the URL of a request.
func (v *Verifier) authenticate2(x *exchange, r *http.Request) (identity.Caller, error) {
	q := r.URL.Query()
	cred, ok := v.Credentials.Lookup(r.Context(), q.Get("AWSAccessKeyId"))
	if !ok {
		return identity.Caller{}, unknownKey(x)
	}
	if subtle.ConstantTimeCompare([]byte(cred.SessionToken), []byte(q.Get("x-amz-security-token"))) != 1 {
		return identity.Caller{}, badToken()
	}
	until, err := strconv.ParseInt(q.Get("Expires"), 10, 64)
	now := v.now()
	switch {
	case err != nil:
		return identity.Caller{}, failure("AccessDenied", "Invalid date (should be seconds since epoch): %s", q.Get("Expires"))
	case now.After(time.Unix(until, 0)):
		return identity.Caller{}, s3Expired(true)
	case !cred.Expires.IsZero() && !now.Before(cred.Expires):
		return identity.Caller{}, expiredToken(x)
	}
	mac := hmac.New(sha1.New, []byte(cred.Secret))
	mac.Write([]byte(canonical2(r, q, x.service)))
	if got, err := base64.StdEncoding.DecodeString(q.Get("Signature")); err != nil || !hmac.Equal(got, mac.Sum(nil)) {
		return identity.Caller{}, failure("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.")
	}
	caller := cred.Caller
	caller.AccessKeyID = q.Get("AWSAccessKeyId")
	return caller, nil
}

// canonical2 is the text that is signed. Headers may stand in the query, as botocore puts
// them there.
func canonical2(r *http.Request, q url.Values, s *Service) string {
	either := func(name string) string {
		if v := r.Header.Get(name); v != "" {
			return v
		}
		return q.Get(name)
	}
	var b strings.Builder
	for _, line := range []string{r.Method, either("content-md5"), either("content-type"), q.Get("Expires")} {
		b.WriteString(line + "\n")
	}
	own := map[string]string{}
	for name, v := range q {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") {
			own[name] = v[0]
		}
	}
	for name, v := range r.Header {
		if name = strings.ToLower(name); strings.HasPrefix(name, "x-amz-") {
			own[name] = strings.Join(v, ",")
		}
	}
	for _, name := range sortedKeys(own) {
		b.WriteString(name + ":" + own[name] + "\n")
	}
	if bucket, _ := s.Host(r.Host); bucket != "" {
		b.WriteString("/" + bucket)
	}
	b.WriteString(r.URL.EscapedPath())
	sep := "?"
	for _, name := range subresources2 {
		if !q.Has(name) {
			continue
		}
		b.WriteString(sep + name)
		if v := q.Get(name); v != "" {
			b.WriteString("=" + v)
		}
		sep = "&"
	}
	return b.String()
}

// subresources2 are the parameters that are signed, in order.
var subresources2 = []string{
	"accelerate", "acl", "cors", "defaultObjectAcl", "delete", "lifecycle", "location", "logging", "notification", "partNumber", "policy",
	"replication", "requestPayment", "response-cache-control", "response-content-disposition", "response-content-encoding",
	"response-content-language", "response-content-type", "response-expires", "restore", "storageClass", "tagging", "torrent",
	"uploadId", "uploads", "versionId", "versioning", "versions", "website",
}

func sortedKeys(m map[string]string) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
