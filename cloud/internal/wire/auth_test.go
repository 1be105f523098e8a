package wire_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// keys is a fixed set of access keys.
type keys map[string]wire.Credential

func (k keys) Lookup(_ context.Context, id string) (wire.Credential, bool) {
	c, ok := k[id]
	return c, ok
}

// whoami answers with the caller, and may be called without a signature.
type whoami struct{}

func (whoami) GetCallerIdentity(ctx context.Context, _ *sts.GetCallerIdentityInput, _ ...func(*sts.Options)) (*sts.GetCallerIdentityOutput, error) {
	c := identity.From(ctx)
	return &sts.GetCallerIdentityOutput{Arn: aws.String(c.ARN), UserId: aws.String(c.AccessKeyID), Account: aws.String(c.SourceIP)}, nil
}

func (whoami) AssumeRoleWithWebIdentity(ctx context.Context, _ *sts.AssumeRoleWithWebIdentityInput, _ ...func(*sts.Options)) (*sts.AssumeRoleWithWebIdentityOutput, error) {
	return &sts.AssumeRoleWithWebIdentityOutput{Provider: aws.String("kind:" + string(identity.From(ctx).Kind))}, nil
}

func (whoami) ListClusters(ctx context.Context, _ *ecs.ListClustersInput, _ ...func(*ecs.Options)) (*ecs.ListClustersOutput, error) {
	return &ecs.ListClustersOutput{ClusterArns: []string{identity.From(ctx).ARN}}, nil
}

func guarded(handler http.Handler) *wire.Server {
	v := &wire.Verifier{Region: "eu-west-1", Credentials: keys{
		"AKIAROOT":  {Secret: "secret", Caller: identity.Caller{Kind: identity.Root, ARN: "arn:aws:iam::123456789012:root"}},
		"ASIAROLE":  {Secret: "hidden", SessionToken: "token", Caller: identity.Caller{Kind: identity.Role, ARN: "role"}},
		"ASIASTALE": {Secret: "hidden", SessionToken: "token", Expires: time.Unix(1, 0)},
	}}
	var w whoami
	return wire.NewServer(wire.Options{
		Authenticate: v.Authenticate,
		Services: []*wire.Service{
			wire.STS([]wire.Op{wire.Handle(w.GetCallerIdentity), wire.Handle(w.AssumeRoleWithWebIdentity)}),
			wire.ECS([]wire.Op{wire.Handle(w.ListClusters)}),
			{ID: "s3", SigningNames: []string{"s3"}, Handler: handler},
		},
	})
}

func as(s http.Handler, id, secret, token string) aws.Config {
	c := config(s)
	c.Credentials = credentials.NewStaticCredentialsProvider(id, secret, token)
	return c
}

func TestSignedCallsKnowTheirCaller(t *testing.T) {
	s := guarded(nil)
	out, err := sts.NewFromConfig(as(s, "AKIAROOT", "secret", "")).GetCallerIdentity(t.Context(), nil)
	if err != nil || *out.Arn != "arn:aws:iam::123456789012:root" || *out.UserId != "AKIAROOT" || *out.Account != "127.0.0.1" {
		t.Errorf("root: %+v, %v", out, err)
	}
	list, err := ecs.NewFromConfig(as(s, "ASIAROLE", "hidden", "token")).ListClusters(t.Context(), nil)
	if err != nil || list.ClusterArns[0] != "role" {
		t.Errorf("role: %+v, %v", list, err)
	}
	web, err := sts.NewFromConfig(as(s, "", "", "")).AssumeRoleWithWebIdentity(t.Context(), &sts.AssumeRoleWithWebIdentityInput{
		RoleArn: aws.String("arn:aws:iam::123456789012:role/deploy"), RoleSessionName: aws.String("me"), WebIdentityToken: aws.String("a.b.c.d.e"),
	})
	if err != nil || *web.Provider != "kind:" {
		t.Errorf("unsigned operation: %+v, %v", web, err)
	}
}

func TestRefusedSignatures(t *testing.T) {
	s := guarded(nil)
	elsewhere := as(s, "AKIAROOT", "secret", "")
	elsewhere.Region = "us-east-2"
	for _, tc := range []struct {
		name           string
		cfg            aws.Config
		json, query    string
		jsonStatus     int
		message, extra string
	}{
		{"unknown key", as(s, "AKIANOBODY", "secret", ""), "UnrecognizedClientException", "InvalidClientTokenId", 400,
			"The security token included in the request is invalid.", ""},
		{"wrong token", as(s, "ASIAROLE", "hidden", "stolen"), "UnrecognizedClientException", "InvalidClientTokenId", 400,
			"The security token included in the request is invalid.", ""},
		{"expired", as(s, "ASIASTALE", "hidden", "token"), "ExpiredTokenException", "ExpiredToken", 400,
			"The security token included in the request is expired", ""},
		{"wrong secret", as(s, "AKIAROOT", "guess", ""), "InvalidSignatureException", "SignatureDoesNotMatch", 400,
			"The request signature we calculated does not match the signature you provided.", "The Canonical String for this request should have been\n'POST\n/\n"},
		{"wrong region", elsewhere, "InvalidSignatureException", "SignatureDoesNotMatch", 400,
			"Credential should be scoped to a valid region, not 'us-east-2'.", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := ecs.NewFromConfig(tc.cfg).ListClusters(t.Context(), nil)
			wantRefusal(t, err, tc.json, tc.jsonStatus, tc.message, tc.extra)
			_, err = sts.NewFromConfig(tc.cfg).GetCallerIdentity(t.Context(), nil)
			wantRefusal(t, err, tc.query, 403, tc.message, tc.extra)
		})
	}
	if resp, body := post(t, s, `{}`, "X-Amz-Target", ecsTarget+"ListClusters"); resp.StatusCode != 400 ||
		body != `{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}` {
		t.Errorf("unsigned: %d %s", resp.StatusCode, body)
	}
}

func wantRefusal(t *testing.T, err error, code string, status int, texts ...string) {
	t.Helper()
	var api smithy.APIError
	var resp *smithyhttp.ResponseError
	if !errors.As(err, &api) || !errors.As(err, &resp) || api.ErrorCode() != code || resp.HTTPStatusCode() != status {
		t.Errorf("got %v, want %s with status %d", err, code, status)
		return
	}
	for _, text := range texts {
		if !strings.Contains(api.ErrorMessage(), text) {
			t.Errorf("message %q lacks %q", api.ErrorMessage(), text)
		}
	}
}

func TestATamperedBodyIsRefused(t *testing.T) {
	s := guarded(nil)
	cfg := as(s, "AKIAROOT", "secret", "")
	cfg.HTTPClient = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(`{"maxResults":9}`)), 16
		return wire.Transport(s).RoundTrip(r)
	})}
	_, err := ecs.NewFromConfig(cfg).ListClusters(t.Context(), &ecs.ListClustersInput{MaxResults: aws.Int32(1)})
	wantRefusal(t, err, "InvalidSignatureException", 400)
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A presigned GetCallerIdentity is how Vault and EKS have their clients prove who they are.
func TestPresignedRequestsExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := guarded(nil)
		signed, err := sts.NewPresignClient(sts.NewFromConfig(as(s, "ASIAROLE", "hidden", "token"))).
			PresignGetCallerIdentity(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		get := func() (int, string) {
			r := httptest.NewRequest(signed.Method, signed.URL, nil)
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			return w.Code, w.Body.String()
		}
		if status, body := get(); status != 200 || !strings.Contains(body, "<Arn>role</Arn>") {
			t.Errorf("at once: %d %s", status, body)
		}
		time.Sleep(16 * time.Minute)
		if status, body := get(); status != 403 || !strings.Contains(body, "<Message>Signature expired: 20000101T000000Z is now earlier than 20000101T000100Z (20000101T001600Z - 15 min.)</Message>") {
			t.Errorf("after 16 minutes: %d %s", status, body)
		}
	})
}

// S3-like services get their bodies checked and taken out of aws-chunked form.
func TestHandlersReadWhatWasSigned(t *testing.T) {
	s := guarded(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s %q %v %s", identity.From(r.Context()).ARN, r.Header.Get("Content-Encoding"), b, err, r.Trailer.Get("X-Amz-Checksum-Crc32"))
	}))
	const hello = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824"
	put := func(body, hash string, header ...string) string {
		r := httptest.NewRequest(http.MethodPut, "http://cloud.test/bucket/a%20key", strings.NewReader(body))
		for i := 0; i < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		r.Header.Set("X-Amz-Content-Sha256", hash)
		err := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }).SignHTTP(t.Context(),
			aws.Credentials{AccessKeyID: "ASIAROLE", SecretAccessKey: "hidden", SessionToken: "token"}, r, hash, "s3", "eu-west-1", time.Now())
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w.Body.String()
	}
	chunked := func(sum string) string {
		return put("3\r\nhel\r\n2\r\nlo\r\n0\r\nx-amz-checksum-crc32:"+sum+"\r\n\r\n", "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
			"Content-Encoding", "aws-chunked", "X-Amz-Trailer", "x-amz-checksum-crc32", "X-Amz-Decoded-Content-Length", "5")
	}
	for _, tc := range []struct{ name, got, want string }{
		{"hashed", put("hello", hello), `role  "hello" <nil> `},
		{"tampered", put("hullo", hello), `role  "hullo" api error XAmzContentSHA256Mismatch: The provided 'x-amz-content-sha256' header does not match what was computed. `},
		{"unsigned", put("hello", "UNSIGNED-PAYLOAD"), `role  "hello" <nil> `},
		{"chunked", chunked("NhCmhg=="), `role  "hello" <nil> NhCmhg==`},
		{"chunked, damaged", chunked("AAAAAA=="), `role  "hello" api error BadDigest: The CRC32 you specified did not match the calculated checksum. AAAAAA==`},
		{"chunks unsigned", put("5;chunk-signature=00\r\nhello\r\n0;chunk-signature=00\r\n\r\n", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"),
			`role  "hello" api error SignatureDoesNotMatch: The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details. `},
	} {
		if tc.got != tc.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tc.name, tc.got, tc.want)
		}
	}
}
