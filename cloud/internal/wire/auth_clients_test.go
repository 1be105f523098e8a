package wire_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// letter is a request that a client signs by hand, so that what other clients do can be
// done here, too. It is written after AWS's description of the algorithm alone.
type letter struct {
	method, url, body string
	header            http.Header
	signed            []string // names of headers besides host; in any order
	query             string   // as the client writes it canonically, "" for none
	path              string   // likewise, "/" by default
	key               string   // "AKIAROOT secret"
	scope             string   // "DATE/REGION/SERVICE/aws4_request"
	at                time.Time
	hash              string // of the payload, by default that of body
	form              string // of the Authorization header; %s are credential, headers, signature
}

const spaced = "AWS4-HMAC-SHA256 Credential=%s, SignedHeaders=%s, Signature=%s"

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func sha(b string) string { return fmt.Sprintf("%x", sha256.Sum256([]byte(b))) }

// sts is GetCallerIdentity as a form.
func stsLetter() *letter {
	return &letter{
		method: "POST", url: "http://cloud.test/", body: "Action=GetCallerIdentity&Version=2011-06-15", key: "AKIAROOT secret", at: time.Now(), form: spaced,
		header: http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}, signed: []string{"x-amz-date"},
	}
}

// sign returns the request, and its signature and signing key.
func (l *letter) sign() (r *http.Request, signature string, key []byte) {
	stamp := l.at.UTC().Format("20060102T150405Z")
	scope := l.scope
	if scope == "" {
		scope = stamp[:8] + "/eu-west-1/sts/aws4_request"
	}
	r = httptest.NewRequest(l.method, l.url, strings.NewReader(l.body))
	for name, values := range l.header {
		r.Header[name] = values
	}
	if r.Header.Get("Date") == "" {
		r.Header.Set("X-Amz-Date", stamp)
	}
	names := append([]string{"host"}, l.signed...)
	slices.Sort(names)
	var headers strings.Builder
	for _, n := range names {
		value := r.Host
		if n != "host" {
			value = strings.Join(strings.Fields(strings.Join(r.Header.Values(n), ",")), " ")
		}
		headers.WriteString(n + ":" + value + "\n")
	}
	hash := l.hash
	if hash == "" {
		hash = sha(l.body)
	}
	path := l.path
	if path == "" {
		path = "/"
	}
	canonical := strings.Join([]string{l.method, path, l.query, headers.String(), strings.Join(names, ";"), hash}, "\n")
	text := "AWS4-HMAC-SHA256\n" + stamp + "\n" + scope + "\n" + sha(canonical)
	id, secret, _ := strings.Cut(l.key, " ")
	key = []byte("AWS4" + secret)
	for part := range strings.SplitSeq(scope, "/") {
		key = mac(key, part)
	}
	signature = hex.EncodeToString(mac(key, text))
	r.Header.Set("Authorization", fmt.Sprintf(l.form, id+"/"+scope, strings.Join(names, ";"), signature))
	return r, signature, key
}

// send returns the status, and the answer in one line.
func (l *letter) send(s http.Handler) (int, string) {
	r, _, _ := l.sign()
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code, strings.Join(strings.Fields(w.Body.String()), " ")
}

// Each of these is how a client signs, in a way that a verifier easily gets wrong.
func TestHowClientsSign(t *testing.T) {
	s := guarded(nil)
	for client, change := range map[string]func(*letter){
		"curl --aws-sigv4 signs no more than host and date": func(*letter) {},
		"goamz and boto 2 send Date, and no X-Amz-Date": func(l *letter) {
			l.header.Set("Date", l.at.UTC().Format(http.TimeFormat))
			l.signed = []string{"date"}
		},
		"aws-sdk-java v1 sends runs of blanks, and signs one": func(l *letter) {
			l.header.Set("User-Agent", "aws-sdk-java/1.12   Linux/6  vendor/Eclipse")
			l.signed = []string{"x-amz-date", "user-agent", "content-type"}
		},
		"aws-sdk-go v1 signs content-length": func(l *letter) {
			l.header.Set("Content-Length", fmt.Sprint(len(l.body)))
			l.signed = []string{"content-length", "content-type", "x-amz-date"}
		},
		"botocore signs content-type with its charset, and the token": func(l *letter) {
			l.key = "ASIAROLE hidden"
			l.header.Set("X-Amz-Security-Token", "token")
			l.signed = []string{"content-type", "x-amz-date", "x-amz-security-token"}
		},
		"aws-sdk-ruby and awscurl write no blank after a comma": func(l *letter) {
			l.form = strings.ReplaceAll(spaced, ", ", ",")
		},
		"aws-sdk-cpp writes SignedHeaders last": func(l *letter) {
			l.form = "AWS4-HMAC-SHA256 Credential=%[1]s, Signature=%[3]s, SignedHeaders=%[2]s"
		},
		"Vault signs a header of its own, which may come twice": func(l *letter) {
			l.header["X-Vault-Aws-Iam-Server-Id"] = []string{"vault.example", "second"}
			l.signed = []string{"x-amz-date", "x-vault-aws-iam-server-id"}
		},
		"PHP's client sends the form in the URL, with ~ and blanks escaped its own way": func(l *letter) {
			l.method, l.body, l.header = "GET", "", http.Header{}
			l.url = "http://cloud.test/?Action=GetCallerIdentity&Note=a+b%7Ec&Version=2011-06-15"
			l.query = "Action=GetCallerIdentity&Note=a%20b~c&Version=2011-06-15"
		},
		"a signer that sorts by name, not by name=value": func(l *letter) {
			l.method, l.body, l.header = "GET", "", http.Header{}
			l.url = "http://cloud.test/?Version=2011-06-15&A-b=1&Action=GetCallerIdentity&A=2"
			l.query = "A=2&A-b=1&Action=GetCallerIdentity&Version=2011-06-15"
		},
		"aws-cli v1 signs for the global endpoint of STS, us-east-1": func(l *letter) {
			l.scope = l.at.UTC().Format("20060102") + "/us-east-1/sts/aws4_request"
		},
		"clocks may be fourteen minutes slow": func(l *letter) { l.at = l.at.Add(-14 * time.Minute); l.scope = "" },
		"and fourteen minutes fast":           func(l *letter) { l.at = l.at.Add(14 * time.Minute); l.scope = "" },
	} {
		t.Run(client, func(t *testing.T) {
			l := stsLetter()
			change(l)
			if status, body := l.send(s); status != http.StatusOK {
				t.Errorf("%d %s", status, body)
			}
		})
	}
}

func TestWhatIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) { // on 2000-01-01 at 00:00
		s := guarded(nil)
		time.Sleep(12 * time.Hour)
		day := func(rest string) func(*letter) { return func(l *letter) { l.scope = rest } }
		for _, tc := range []struct {
			name   string
			change func(*letter)
			status int
			want   string
		}{
			{"a slow clock", func(l *letter) { l.at = l.at.Add(-16 * time.Minute) }, 403,
				"<Code>SignatureDoesNotMatch</Code><Message>Signature expired: 20000101T114400Z is now earlier than 20000101T114500Z (20000101T120000Z - 15 min.)</Message>"},
			{"a fast clock", func(l *letter) { l.at = l.at.Add(16 * time.Minute) }, 403,
				"<Code>SignatureDoesNotMatch</Code><Message>Signature not yet current: 20000101T121600Z is still later than 20000101T121500Z (20000101T120000Z + 15 min.)</Message>"},
			{"another region", day("20000101/ap-south-1/sts/aws4_request"), 403, "Credential should be scoped to a valid region, not 'ap-south-1'."},
			{"another service", day("20000101/eu-west-1/iam/aws4_request"), 403, "Credential should be scoped to correct service: 'sts'."},
			{"another end", day("20000101/eu-west-1/sts/aws5_request"), 403, "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5_request'."},
			{"yesterday's key", day("19991231/eu-west-1/sts/aws4_request"), 403, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '19991231' != '20000101', from '20000101T120000Z'."},
			{"all at once", day("19991231/ap-south-1/iam/aws5_request"), 403, "valid region, not 'ap-south-1'. Credential should be scoped to correct service: 'sts'. Credential should be scoped with a valid terminator"},
			{"a temporary key without its token", func(l *letter) { l.key = "ASIAROLE hidden" }, 403, "<Code>InvalidClientTokenId</Code>"},
			{"a lasting key with a token", func(l *letter) { l.header.Set("X-Amz-Security-Token", "token") }, 403, "<Code>InvalidClientTokenId</Code>"},
			{"no host signed", func(l *letter) {
				l.form = strings.Replace(spaced, "SignedHeaders=%s", "SignedHeaders=x-amz-date%.0s", 1)
			}, 400,
				"<Code>IncompleteSignature</Code><Message>'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.</Message>"},
			{"SigV2", func(l *letter) { l.form = "AWS AKIAROOT:%.0s%.0s%s" }, 400, "Unsupported AWS 'algorithm': 'AWS'."},
		} {
			l := stsLetter()
			tc.change(l)
			status, body := l.send(s)
			if status != tc.status || !strings.Contains(body, tc.want) {
				t.Errorf("%s: %d %s\nwant %d …%s…", tc.name, status, body, tc.status, tc.want)
			}
		}
	})
}

// A temporary key stops in the second in which it expires.
func TestASessionEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := &wire.Verifier{Credentials: keys{"ASIAX": {Secret: "s", SessionToken: "t", Expires: time.Now().Add(time.Hour), Caller: identity.Caller{Kind: identity.Role, ARN: "r"}}}}
		s := wire.NewServer(wire.Options{Authenticate: v.Authenticate, Services: []*wire.Service{wire.STS([]wire.Op{wire.Handle(whoami{}.GetCallerIdentity)})}})
		send := func() string {
			l := stsLetter()
			l.key = "ASIAX s"
			l.header.Set("X-Amz-Security-Token", "t")
			l.signed = append(l.signed, "x-amz-security-token")
			_, body := l.send(s)
			return body
		}
		time.Sleep(time.Hour - time.Second)
		if body := send(); !strings.Contains(body, "<Arn>r</Arn>") {
			t.Errorf("a second before: %s", body)
		}
		time.Sleep(time.Second)
		if body := send(); !strings.Contains(body, "<Code>ExpiredToken</Code><Message>The security token included in the request is expired</Message>") {
			t.Errorf("at the end: %s", body)
		}
	})
}

// Who captures a signed call may not turn it into another one.
func TestTheTargetMustBeSigned(t *testing.T) {
	l := &letter{
		method: "POST", url: "http://cloud.test/", body: "{}", key: "AKIAROOT secret", at: time.Now(), form: spaced, signed: []string{"x-amz-date"},
		header: http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {ecsTarget + "ListClusters"}},
	}
	l.scope = l.at.UTC().Format("20060102") + "/eu-west-1/ecs/aws4_request"
	status, body := l.send(guarded(nil))
	if status != 400 || body != `{"__type":"IncompleteSignatureException","message":"'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization."}` {
		t.Errorf("unsigned: %d %s", status, body)
	}
	l.signed = append(l.signed, "x-amz-target")
	if status, body = l.send(guarded(nil)); status != 200 {
		t.Errorf("signed: %d %s", status, body)
	}
}

// presign moves a letter's signature into its URL.
func (l *letter) presign(expires string, more url.Values) string {
	stamp := l.at.UTC().Format("20060102T150405Z")
	id, _, _ := strings.Cut(l.key, " ")
	q := url.Values{
		"X-Amz-Algorithm": {"AWS4-HMAC-SHA256"}, "X-Amz-Credential": {id + "/" + stamp[:8] + "/eu-west-1/sts/aws4_request"}, "X-Amz-Date": {stamp},
		"X-Amz-SignedHeaders": {strings.Join(append([]string{"host"}, l.signed...), ";")}, "Action": {"GetCallerIdentity"}, "Version": {"2011-06-15"},
	}
	if expires != "" {
		q.Set("X-Amz-Expires", expires)
	}
	for k, v := range more {
		q[k] = v
	}
	l.query = strings.ReplaceAll(q.Encode(), "+", "%20")
	_, signature, _ := l.sign()
	return "http://cloud.test/?" + l.query + "&X-Amz-Signature=" + signature
}

// Presigned URLs of GetCallerIdentity are how EKS, Vault and others have a client prove
// who it is.
func TestPresignedURLs(t *testing.T) {
	for _, tc := range []struct {
		name, key, expires string
		query              url.Values
		header             string // signed, "name: value"
		sent               string // header that is sent
		wait               time.Duration
		want               string
	}{
		{name: "at once", want: "<Arn>arn:aws:iam::123456789012:root</Arn>"},
		{name: "aws-iam-authenticator signs the cluster's name", expires: "60", header: "x-k8s-aws-id: demo", sent: "demo", want: "<Arn>arn:aws:iam::123456789012:root</Arn>"},
		{name: "for another cluster", expires: "60", header: "x-k8s-aws-id: demo", sent: "other", want: "<Code>SignatureDoesNotMatch</Code>"},
		{name: "a session's, its token in the query", key: "ASIAROLE hidden", query: url.Values{"X-Amz-Security-Token": {"token"}}, want: "<Arn>role</Arn>"},
		{name: "a session's without its token", key: "ASIAROLE hidden", want: "<Code>InvalidClientTokenId</Code>"},
		{name: "in its last second", expires: "60", wait: time.Minute, want: "<Arn>"},
		{name: "a second later", expires: "60", wait: 61 * time.Second, want: "Signature expired: 20000101T000000Z is now earlier than 20000101T000001Z (20000101T000101Z - 1 min.)"},
		{name: "longer than a quarter of an hour", expires: "3600", wait: 59 * time.Minute, want: "<Arn>"},
		{name: "longer than a week", expires: "604801", want: "X-Amz-Expires must be a number of seconds between 0 and 604800."},
		{name: "for no time that is a number", expires: "soon", want: "X-Amz-Expires must be a number of seconds between 0 and 604800."},
		{name: "signed ahead of time", wait: -16 * time.Minute, want: "Signature not yet current: 20000101T001600Z is still later than"},
		{name: "of another algorithm", query: url.Values{"X-Amz-Algorithm": {"AWS4-ECDSA-P256-SHA256"}}, want: "Unsupported AWS 'algorithm'"},
	} {
		synctest.Test(t, func(t *testing.T) { // on 2000-01-01 at 00:00
			l := &letter{method: "GET", url: "http://cloud.test/", key: "AKIAROOT secret", at: time.Now(), header: http.Header{}, form: spaced}
			if tc.key != "" {
				l.key = tc.key
			}
			if name, value, ok := strings.Cut(tc.header, ": "); ok {
				l.header.Set(name, value)
				l.signed = []string{name}
			}
			if tc.wait < 0 {
				l.at = l.at.Add(-tc.wait)
			}
			signed := l.presign(tc.expires, tc.query)
			time.Sleep(tc.wait)
			r := httptest.NewRequest(http.MethodGet, signed, nil)
			if tc.sent != "" {
				r.Header.Set("X-K8s-Aws-Id", tc.sent)
			}
			w := httptest.NewRecorder()
			guarded(nil).ServeHTTP(w, r)
			if !strings.Contains(w.Body.String(), tc.want) {
				t.Errorf("%s: %d %s\nwant …%s…", tc.name, w.Code, w.Body.String(), tc.want)
			}
		})
	}
}

// A client whose clock is an hour off corrects itself by the Date of the first refusal.
func TestSDKsCorrectTheirClocks(t *testing.T) {
	off := func() time.Time { return time.Now().Add(time.Hour) }
	v := &wire.Verifier{Now: off, Credentials: keys{"AKIAROOT": {Secret: "secret", Caller: identity.Caller{Kind: identity.Root, ARN: "root"}}}}
	inner := wire.NewServer(wire.Options{Authenticate: v.Authenticate, Services: []*wire.Service{wire.ECS([]wire.Op{wire.Handle(whoami{}.ListClusters)})}})
	calls := 0
	s := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		w.Header().Set("Date", off().UTC().Format(http.TimeFormat))
		inner.ServeHTTP(w, r)
	})
	cfg := as(s, "AKIAROOT", "secret", "")
	cfg.RetryMaxAttempts = 3
	client := ecs.NewFromConfig(cfg)
	_, first := client.ListClusters(t.Context(), nil)
	wantRefusal(t, first, "InvalidSignatureException", 400, "Signature expired: ")
	if _, err := client.ListClusters(t.Context(), nil); err != nil || calls != 2 {
		t.Errorf("after %d calls: %v", calls, err)
	}
}

// chunks writes a body in signed chunks, as aws-sdk-java v1 and minio do over plain HTTP.
func chunks(l *letter, pieces []string, trailer string) (*http.Request, *bytes.Buffer) {
	r, previous, key := l.sign()
	stamp, b := r.Header.Get("X-Amz-Date"), &bytes.Buffer{}
	scope := l.scope
	next := func(kind, what string) string {
		previous = hex.EncodeToString(mac(key, kind+"\n"+stamp+"\n"+scope+"\n"+previous+"\n"+what))
		return previous
	}
	for _, p := range append(pieces, "") {
		fmt.Fprintf(b, "%x;chunk-signature=%s\r\n%s", len(p), next("AWS4-HMAC-SHA256-PAYLOAD", sha("")+"\n"+sha(p)), p)
		if p != "" {
			b.WriteString("\r\n")
		}
	}
	if trailer != "" {
		fmt.Fprintf(b, "%s\r\nx-amz-trailer-signature:%s\r\n", trailer, next("AWS4-HMAC-SHA256-TRAILER", sha(trailer+"\n")))
	}
	b.WriteString("\r\n")
	return r, b
}

func TestSignedChunks(t *testing.T) {
	s := guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%q %v", b, err)
	}))
	const mismatch = `api error SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.`
	for _, tc := range []struct {
		name, trailer, length string
		bend                  func([]byte) []byte
		want                  string
	}{
		{name: "as signed", want: `"hello world" <nil>`},
		{name: "with a signed trailer", trailer: "x-amz-checksum-crc32:DUoRhQ==", want: `"hello world" <nil>`},
		{name: "another byte", bend: func(b []byte) []byte { return bytes.Replace(b, []byte("world"), []byte("World"), 1) }, want: mismatch},
		{name: "a chunk left out", bend: func(b []byte) []byte {
			at := bytes.Index(b, []byte("5;chunk"))
			return append(b[:at:at], b[bytes.Index(b, []byte("0;chunk")):]...)
		}, want: mismatch},
		{name: "another trailer", trailer: "x-amz-checksum-crc32:DUoRhQ==", bend: func(b []byte) []byte { return bytes.Replace(b, []byte("DUo"), []byte("DUp"), 1) }, want: mismatch},
		{name: "cut off", bend: func(b []byte) []byte { return b[:len(b)-120] }, want: "unexpected EOF"},
		{name: "less than was promised", length: "12", want: "api error IncompleteBody: The request body terminated unexpectedly"},
		{name: "no chunks at all", bend: func([]byte) []byte { return []byte("hello world") }, want: "unexpected EOF"},
	} {
		l := &letter{
			method: "PUT", url: "http://cloud.test/b/k", path: "/b/k", key: "AKIAROOT secret", at: time.Now(), form: spaced, hash: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
			header: http.Header{"Content-Encoding": {"aws-chunked"}, "X-Amz-Decoded-Content-Length": {"11"}}, signed: []string{"x-amz-content-sha256", "x-amz-date", "x-amz-decoded-content-length"},
		}
		if tc.length != "" {
			l.header.Set("X-Amz-Decoded-Content-Length", tc.length)
		}
		if tc.trailer != "" {
			l.hash += "-TRAILER"
			l.header.Set("X-Amz-Trailer", "x-amz-checksum-crc32")
			l.signed = append(l.signed, "x-amz-trailer")
		}
		l.header.Set("X-Amz-Content-Sha256", l.hash)
		l.scope = l.at.UTC().Format("20060102") + "/eu-west-1/s3/aws4_request"
		r, body := chunks(l, []string{"hello ", "world"}, tc.trailer)
		b := body.Bytes()
		if tc.bend != nil {
			b = tc.bend(b)
		}
		r.Body = io.NopCloser(bytes.NewReader(b))
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if got := w.Body.String(); !strings.Contains(got, tc.want) {
			t.Errorf("%s: %s\nwant %s", tc.name, got, tc.want)
		}
	}
}

// S3 believes no header of AWS's that was not signed, wants the payload's hash, and takes
// presigned uploads whose payload is not.
func TestStreamingServices(t *testing.T) {
	s := guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%q %v", b, err)
	}))
	put := func(change func(*letter)) string {
		l := &letter{
			method: "PUT", url: "http://cloud.test/b/a%20k%2Bey", path: "/b/a%20k%2Bey", body: "hello", key: "AKIAROOT secret", at: time.Now(), form: spaced,
			header: http.Header{"X-Amz-Content-Sha256": {sha("hello")}}, signed: []string{"x-amz-content-sha256", "x-amz-date"},
		}
		l.scope = l.at.UTC().Format("20060102") + "/eu-west-1/s3/aws4_request"
		change(l)
		_, body := l.send(s)
		return body
	}
	for _, tc := range []struct {
		name   string
		change func(*letter)
		want   string
	}{
		{"a path with a blank and a plus, escaped once", func(*letter) {}, `"hello" <nil>`},
		{"a path escaped twice, as other services want it", func(l *letter) { l.path = "/b/a%2520k%252Bey" }, "<Code>SignatureDoesNotMatch</Code>"},
		{"unsigned payload", func(l *letter) { l.hash = "UNSIGNED-PAYLOAD"; l.header.Set("X-Amz-Content-Sha256", l.hash) }, `"hello" <nil>`},
		{"unsigned payload, signed as if", func(l *letter) { l.header.Set("X-Amz-Content-Sha256", "UNSIGNED-PAYLOAD") }, "<Code>SignatureDoesNotMatch</Code>"},
		{"no hash", func(l *letter) { l.header.Del("X-Amz-Content-Sha256"); l.signed = []string{"x-amz-date"} }, "Missing required header for this request: x-amz-content-sha256"},
		{"an unsigned grant", func(l *letter) { l.header.Set("X-Amz-Acl", "public-read") }, "<Code>AccessDenied</Code><Message>There were headers present in the request which were not signed</Message>"},
		{"a slow clock", func(l *letter) {
			l.at = l.at.Add(-time.Hour)
			l.scope = l.at.UTC().Format("20060102") + "/eu-west-1/s3/aws4_request"
		}, "<Code>RequestTimeTooSkewed</Code>"},
	} {
		if got := put(tc.change); !strings.Contains(got, tc.want) {
			t.Errorf("%s: %s\nwant …%s…", tc.name, got, tc.want)
		}
	}
}
