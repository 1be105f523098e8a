package sigv4

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Algorithm is the one that is spoken here.
const Algorithm = "AWS4-HMAC-SHA256"

// TimeFormat is that of X-Amz-Date.
const TimeFormat = "20060102T150405Z"

// Terminator ends every credential scope.
const Terminator = "aws4_request"

// ErrUnsigned is returned for requests that carry no signature at all.
var ErrUnsigned = errors.New("request is not signed")

// Malformed says what is wrong with a signature's form, in AWS's words.
type Malformed struct{ Message string }

func (m *Malformed) Error() string { return m.Message }

// Signature is what a request says of its own signature.
type Signature struct {
	AccessKeyID   string
	Date          string // of the credential scope, YYYYMMDD
	Region        string
	Service       string
	Terminator    string
	SignedHeaders []string
	Signature     string // hexadecimal, in lower case
	Token         string // of the session, or empty
	Time          time.Time
	Stamp         string // Time as it was written
	Presigned     bool
	Expires       time.Duration // of presigned requests
}

// Scope is the credential scope.
func (s *Signature) Scope() string {
	return s.Date + "/" + s.Region + "/" + s.Service + "/" + s.Terminator
}

// Parse reads a request's signature. The error is ErrUnsigned or a *Malformed.
func Parse(r *http.Request) (*Signature, error) {
	if auth := r.Header.Get("Authorization"); auth != "" {
		return parseHeader(auth, r.Header)
	}
	if strings.Contains(r.URL.RawQuery, "X-Amz-Signature=") || strings.Contains(r.URL.RawQuery, "X-Amz-Credential=") {
		return parseQuery(r.URL.Query())
	}
	return nil, ErrUnsigned
}

func parseHeader(auth string, h http.Header) (*Signature, error) {
	algorithm, rest, _ := strings.Cut(auth, " ")
	if algorithm != Algorithm {
		if strings.HasPrefix(algorithm, "AWS") {
			return nil, &Malformed{fmt.Sprintf("Unsupported AWS 'algorithm': '%s'.", algorithm)}
		}
		return nil, ErrUnsigned // Basic and Bearer are for others
	}
	parts := map[string]string{}
	for part := range strings.SplitSeq(rest, ",") {
		part = strings.TrimSpace(part)
		k, v, ok := strings.Cut(part, "=")
		if !ok {
			return nil, &Malformed{fmt.Sprintf("'%s' not a valid key=value pair (missing equal-sign) in Authorization header: '%s'.", part, auth)}
		}
		parts[k] = v
	}
	s := &Signature{Token: h.Get("X-Amz-Security-Token")}
	var missing []string
	for _, k := range []string{"Credential", "Signature", "SignedHeaders"} {
		if parts[k] == "" {
			missing = append(missing, "Authorization header requires '"+k+"' parameter.")
		}
	}
	s.Stamp = h.Get("X-Amz-Date")
	if s.Stamp == "" && h.Get("Date") == "" {
		missing = append(missing, "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	if len(missing) > 0 {
		return nil, &Malformed{strings.Join(missing, " ") + " Authorization=" + algorithm}
	}
	if err := s.readTime(h.Get("Date")); err != nil {
		return nil, err
	}
	return s, s.fill(parts["Credential"], parts["SignedHeaders"], parts["Signature"])
}

func parseQuery(q url.Values) (*Signature, error) {
	if a := q.Get("X-Amz-Algorithm"); a != Algorithm {
		return nil, &Malformed{fmt.Sprintf("Unsupported AWS 'algorithm': '%s'.", a)}
	}
	var missing []string
	for _, k := range []string{"X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date"} {
		if q.Get(k) == "" {
			missing = append(missing, "AWS query-string parameters must include '"+k+"'.")
		}
	}
	if len(missing) > 0 {
		return nil, &Malformed{strings.Join(missing, " ")}
	}
	s := &Signature{Token: q.Get("X-Amz-Security-Token"), Stamp: q.Get("X-Amz-Date"), Presigned: true}
	if err := s.readTime(""); err != nil {
		return nil, err
	}
	sec, err := strconv.Atoi(q.Get("X-Amz-Expires"))
	if q.Get("X-Amz-Expires") == "" {
		sec, err = 900, nil
	}
	const week = 7 * 24 * 3600
	if err != nil || sec < 0 || sec > week {
		return nil, &Malformed{"X-Amz-Expires must be a number of seconds between 0 and 604800."}
	}
	s.Expires = time.Duration(sec) * time.Second
	return s, s.fill(q.Get("X-Amz-Credential"), q.Get("X-Amz-SignedHeaders"), q.Get("X-Amz-Signature"))
}

// readTime takes X-Amz-Date, or else the HTTP date.
func (s *Signature) readTime(date string) (err error) {
	if s.Stamp != "" {
		if s.Time, err = time.Parse(TimeFormat, s.Stamp); err != nil {
			return &Malformed{fmt.Sprintf("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", s.Stamp)}
		}
		return nil
	}
	if s.Time, err = http.ParseTime(date); err != nil {
		return &Malformed{fmt.Sprintf("Date must be in ISO-8601 'basic format'. Got '%s'. See http://en.wikipedia.org/wiki/ISO_8601", date)}
	}
	s.Stamp = s.Time.UTC().Format(TimeFormat)
	return nil
}

func (s *Signature) fill(credential, headers, signature string) error {
	parts := strings.Split(credential, "/")
	if len(parts) < 5 {
		return &Malformed{fmt.Sprintf("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '%s'", credential)}
	}
	n := len(parts) - 4 // access keys have no slashes, but what is before the scope is the key
	s.AccessKeyID = strings.Join(parts[:n], "/")
	s.Date, s.Region, s.Service, s.Terminator = parts[n], parts[n+1], parts[n+2], parts[n+3]
	s.SignedHeaders = strings.Split(strings.ToLower(headers), ";")
	s.Signature = signature
	if !slices.Contains(s.SignedHeaders, "host") {
		return &Malformed{"'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."}
	}
	return nil
}
