package awsclient

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// securityService answers STS and a runner's token endpoint; the first request for a
// token fails.
func securityService(t *testing.T) (srv *httptest.Server, calls *[]string) {
	calls, asked := &[]string{}, 0
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/token" {
			if asked++; asked == 1 {
				w.WriteHeader(http.StatusBadGateway)
				return
			}
			fmt.Fprintf(w, `{"value":"token%d for %s"}`, asked, r.URL.Query().Get("audience"))
			return
		}
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		action := r.PostForm.Get("Action")
		*calls = append(*calls, action+" "+r.PostForm.Get("RoleArn")+" "+r.PostForm.Get("RoleSessionName")+" "+r.PostForm.Get("WebIdentityToken"))
		// They end within the window in which they are renewed.
		const keys = `<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>session</SessionToken><Expiration>2020-01-02T03:04:05Z</Expiration></Credentials>`
		fmt.Fprintf(w, "<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>", action, keys)
	}))
	t.Cleanup(srv.Close)
	return srv, calls
}

func TestActingAsARole(t *testing.T) {
	const role = "arn:aws:iam::123456789012:role/deployer"
	for name, tt := range map[string]struct {
		env  map[string]string
		want []string
	}{
		"GitHub": {map[string]string{TokenURL: "/token?v=1", TokenBearer: "b"}, []string{
			"AssumeRoleWithWebIdentity " + role + " job-7 token2 for sts.amazonaws.com", "GetCallerIdentity   ",
			"AssumeRoleWithWebIdentity " + role + " job-7 token3 for sts.amazonaws.com", "GetCallerIdentity   ", // renewed, with a fresh token
		}},
		"a token in the environment": {map[string]string{WebIdentity: "given"}, []string{
			"AssumeRoleWithWebIdentity " + role + " job-7 given", "GetCallerIdentity   ", "AssumeRoleWithWebIdentity " + role + " job-7 given", "GetCallerIdentity   ",
		}},
		"keys": {nil, []string{"AssumeRole " + role + " job-7 ", "GetCallerIdentity   ", "AssumeRole " + role + " job-7 ", "GetCallerIdentity   "}},
	} {
		t.Run(name, func(t *testing.T) {
			srv, calls := securityService(t)
			for _, k := range []string{TokenURL, TokenBearer, WebIdentity} {
				v := tt.env[k]
				if k == TokenURL && v != "" {
					v = srv.URL + v
				}
				t.Setenv(k, v)
			}
			var masked []string
			c, err := New(t.Context(), Options{
				Region: "us-east-1", Endpoint: srv.URL, AccessKeyID: "AKIAEXAMPLE", SecretAccessKey: "k",
				Role: Role{ARN: role, Session: "job-7", Mask: func(s string) { masked = append(masked, s) }},
			})
			if err != nil {
				t.Fatal(err)
			}
			for range 2 {
				if _, err := c.STS().GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); err != nil {
					t.Fatal(err)
				}
			}
			if !slices.Equal(*calls, tt.want) {
				t.Errorf("calls %q", *calls)
			}
			for _, secret := range []string{"secret", "session", map[string]string{"GitHub": "token3 for sts.amazonaws.com", "a token in the environment": "given", "keys": "secret"}[name]} {
				if !slices.Contains(masked, secret) {
					t.Errorf("%q was not masked", secret)
				}
			}
		})
	}
}
