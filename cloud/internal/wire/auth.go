package wire

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/wire/sigv4"
)

// Credential is an access key and whose it is.
type Credential struct {
	Secret       string
	SessionToken string    // of temporary keys
	Expires      time.Time // zero: never
	Caller       identity.Caller
}

// Credentials knows the access keys.
type Credentials interface {
	Lookup(ctx context.Context, accessKeyID string) (Credential, bool)
}

// Verifier authenticates requests by AWS Signature Version 4, and URLs of S3 by Version 2. Its Authenticate method is
// made for Options.Authenticate.
type Verifier struct {
	Credentials Credentials
	// Now is what time it is; nil for time.Now.
	Now func() time.Time
	// Region that signatures must be for; empty takes any. Services with an endpoint for
	// the whole world are signed for us-east-1 too.
	Region string
}

// maxSkew is how far a client's clock may be off.
const maxSkew = 15 * time.Minute

const mismatch = "The request signature we calculated does not match the signature you provided. " +
	"Check your AWS Secret Access Key and signing method. Consult the service documentation for details."

// Authenticate returns whose signature a request carries. body is what was sent; a nil
// body is not read here, but must be what the request says that it hashes to. The errors
// are AWS's, named and worded for the protocol that the request speaks.
func (v *Verifier) Authenticate(r *http.Request, body []byte) (identity.Caller, error) {
	x := from(r.Context())
	if x.service.Host != nil && presigned2(r) {
		return v.authenticate2(x, r)
	}
	sig, err := sigv4.Parse(r)
	if err != nil {
		return identity.Caller{}, unparsed(x, err)
	}
	cred, ok := v.Credentials.Lookup(r.Context(), sig.AccessKeyID)
	if !ok {
		return identity.Caller{}, unknownKey(x)
	}
	if subtle.ConstantTimeCompare([]byte(cred.SessionToken), []byte(sig.Token)) != 1 {
		return identity.Caller{}, badToken()
	}
	now := v.now()
	if !cred.Expires.IsZero() && !now.Before(cred.Expires) {
		return identity.Caller{}, expiredToken(x)
	}
	if err := checkTime(x, sig, now); err != nil {
		return identity.Caller{}, err
	}
	if err := v.checkScope(x, sig); err != nil {
		return identity.Caller{}, err
	}
	if err := checkHeaders(x, r, sig); err != nil {
		return identity.Caller{}, err
	}
	if err := checkSignature(x, r, sig, cred.Secret, body); err != nil {
		return identity.Caller{}, err
	}
	caller := cred.Caller
	caller.AccessKeyID = sig.AccessKeyID
	return caller, nil
}

func (v *Verifier) now() time.Time {
	if v.Now != nil {
		return v.Now()
	}
	return time.Now()
}

// checkHeaders wants signed what decides about the call: the operation, and for services
// that take streams all of AWS's own headers, as S3 does.
func checkHeaders(x *exchange, r *http.Request, s *sigv4.Signature) error {
	var unsigned []string
	for name := range r.Header {
		name = strings.ToLower(name)
		if strings.HasPrefix(name, "x-amz-") && !slices.Contains(s.SignedHeaders, name) {
			unsigned = append(unsigned, name)
		}
	}
	switch {
	case x.isXML() && len(unsigned) > 0 && (len(unsigned) > 1 || unsigned[0] != "x-amz-content-sha256"): // that one is signed as the payload's hash
		return failure("AccessDenied", "There were headers present in the request which were not signed")
	case slices.Contains(unsigned, "x-amz-target"):
		return failure("IncompleteSignature", "'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization.")
	}
	return nil
}

// checkTime refuses signatures of another time, and presigned ones that are over.
func checkTime(x *exchange, s *sigv4.Signature, now time.Time) error {
	valid := maxSkew
	if s.Presigned {
		valid = s.Expires
	}
	stamp := func(t time.Time) string { return t.UTC().Format(sigv4.TimeFormat) }
	switch {
	case now.After(s.Time.Add(valid)):
		if x.isXML() {
			return s3Expired(s.Presigned)
		}
		return failure("SignatureDoesNotMatch", "Signature expired: %s is now earlier than %s (%s - %d min.)",
			s.Stamp, stamp(now.Add(-valid)), stamp(now), int(valid.Minutes()))
	case s.Time.After(now.Add(maxSkew)):
		if x.isXML() {
			return s3Expired(false)
		}
		return failure("SignatureDoesNotMatch", "Signature not yet current: %s is still later than %s (%s + %d min.)",
			s.Stamp, stamp(now.Add(maxSkew)), stamp(now), int(maxSkew.Minutes()))
	}
	return nil
}

func (v *Verifier) checkScope(x *exchange, s *sigv4.Signature) error {
	var wrong []string
	if v.Region != "" && s.Region != v.Region && !(x.service.Global && s.Region == "us-east-1") {
		wrong = append(wrong, "Credential should be scoped to a valid region, not '"+s.Region+"'.")
	}
	if !x.service.signs(s.Service) {
		wrong = append(wrong, "Credential should be scoped to correct service: '"+x.service.SigningNames[0]+"'.")
	}
	if s.Terminator != sigv4.Terminator {
		wrong = append(wrong, "Credential should be scoped with a valid terminator: 'aws4_request', not '"+s.Terminator+"'.")
	}
	if day := s.Time.UTC().Format("20060102"); s.Date != day {
		wrong = append(wrong, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '"+
			s.Date+"' != '"+day+"', from '"+s.Stamp+"'.")
	}
	if len(wrong) > 0 {
		return failure("SignatureDoesNotMatch", "%s", strings.Join(wrong, " "))
	}
	return nil
}

func checkSignature(x *exchange, r *http.Request, s *sigv4.Signature, secret string, body []byte) error {
	hash, err := payloadHash(x, r, s, body)
	if err != nil {
		return err
	}
	key := s.Key(secret)
	canonical := s.Canonical(r, hash, x.isXML())
	text := s.StringToSign(canonical)
	if s.Matches(key, text) {
		x.payload = payload{hash: hash, chunks: s.Chunks(key)}
		return nil
	}
	if x.isXML() {
		return failure("SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method.")
	}
	return failure("SignatureDoesNotMatch", "%s\n\nThe Canonical String for this request should have been\n'%s'\n\nThe String-to-Sign should have been\n'%s'\n",
		mismatch, canonical, text)
}

// payloadHash is the body's place in the canonical request. Only services that take
// streams (those with a Handler) believe what the request says of itself: they check the
// body when they read it.
func payloadHash(x *exchange, r *http.Request, s *sigv4.Signature, body []byte) (string, error) {
	if x.service.Handler == nil {
		return sigv4.Hash(body), nil
	}
	hash := r.Header.Get("X-Amz-Content-Sha256")
	if s.Presigned {
		if hash == "" {
			hash = r.URL.Query().Get("X-Amz-Content-Sha256")
		}
		if hash == "" {
			hash = sigv4.UnsignedPayload
		}
	}
	if hash == "" {
		return "", failure("InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
	}
	return hash, nil
}

// isXML tells S3-like services, which name and word errors in their own way.
func (x *exchange) isXML() bool { return x.protocol.family() == RestXML }

func unparsed(x *exchange, err error) error {
	var malformed *sigv4.Malformed
	switch {
	case errors.As(err, &malformed) && x.isXML():
		return failure("AuthorizationHeaderMalformed", "The authorization header is malformed; %s", malformed.Message)
	case errors.As(err, &malformed):
		return failure("IncompleteSignature", "%s", malformed.Message)
	case x.isXML():
		return failure("AccessDenied", "Access Denied")
	case x.protocol.family() == Query:
		return failure("MissingAuthenticationToken", "Request is missing Authentication Token")
	}
	return failure("MissingAuthenticationToken", "Missing Authentication Token")
}

func unknownKey(x *exchange) error {
	if x.isXML() {
		return failure("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.")
	}
	return badToken()
}

func badToken() error {
	return failure("InvalidClientTokenId", "The security token included in the request is invalid.")
}

func expiredToken(x *exchange) error {
	if x.isXML() {
		return failure("ExpiredToken", "The provided token has expired.")
	}
	return failure("ExpiredToken", "The security token included in the request is expired")
}

func s3Expired(presigned bool) error {
	if presigned {
		return failure("AccessDenied", "Request has expired")
	}
	return failure("RequestTimeTooSkewed", "The difference between the request time and the current time is too large.")
}
