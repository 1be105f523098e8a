package action

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/internal/fault"
)

// security is a runner's token endpoint and an STS that notes what it is asked.
type security struct {
	*httptest.Server
	t      *testing.T
	calls  []url.Values // to STS
	tokens int          // given
	fail   []string     // error codes that STS answers first, in turn
	secret string
}

const oidcRole = "arn:aws:iam::123456789012:role/deployer"

func newSecurity(t *testing.T, fail ...string) *security {
	s := &security{t: t, fail: fail, secret: "s3cret"}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *security) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/token" {
		if r.Header.Get("Authorization") != "Bearer bear" || r.URL.Query().Get("audience") != "sts.amazonaws.com" || r.URL.Query().Get("v") != "1" {
			s.t.Errorf("asked for a token with %s %v", r.URL, r.Header)
		}
		s.tokens++
		fmt.Fprintf(w, `{"value":%q}`, s.token(s.tokens))
		return
	}
	if err := r.ParseForm(); err != nil {
		s.t.Error(err)
	}
	s.calls = append(s.calls, r.PostForm)
	if len(s.fail) > 0 {
		code := s.fail[0]
		s.fail = s.fail[1:]
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `<ErrorResponse><Error><Type>Sender</Type><Code>%s</Code><Message>no</Message></Error></ErrorResponse>`, code)
		return
	}
	keys := fmt.Sprintf(`<Credentials><AccessKeyId>ASIAEXAMPLE</AccessKeyId><SecretAccessKey>%s</SecretAccessKey><SessionToken>session1</SessionToken><Expiration>2030-01-02T03:04:05Z</Expiration></Credentials>`, s.secret)
	s.secret = strings.TrimSuffix(s.secret, "+/")
	switch action := r.PostForm.Get("Action"); action {
	case "GetCallerIdentity":
		fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>123456789012</Account><Arn>arn:aws:sts::123456789012:assumed-role/deployer/GitHubActions</Arn><UserId>x</UserId></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	default:
		fmt.Fprintf(w, "<%[1]sResponse><%[1]sResult>%[2]s</%[1]sResult></%[1]sResponse>", action, keys)
	}
}

func (s *security) token(n int) string {
	body := fmt.Sprintf(`{"iss":"https://token.actions.githubusercontent.com","sub":"repo:o/r:ref:refs/heads/main","aud":"sts.amazonaws.com","n":%d}`, n)
	return "h." + base64.RawURLEncoding.EncodeToString([]byte(body)) + ".s"
}

// job is a step with `id-token: write`.
func (s *security) job(inputs map[string]string) *step {
	if inputs["aws-region"] == "" {
		inputs["aws-region"] = "eu-west-1"
	}
	j := newStep(s.t, s.URL, inputs)
	j.env["ACTIONS_ID_TOKEN_REQUEST_URL"], j.env["ACTIONS_ID_TOKEN_REQUEST_TOKEN"] = s.URL+"/token?v=1", "bear"
	return j
}

func (s *security) actions() []string {
	var out []string
	for _, c := range s.calls {
		out = append(out, c.Get("Action"))
	}
	return out
}

func TestOIDC(t *testing.T) {
	s := newSecurity(t)
	j := s.job(map[string]string{"role-to-assume": oidcRole, "role-session-name": "GitHub-Action-Role", "output-credentials": "true", "mask-aws-account-id": "true", "inline-session-policy": "{}", "managed-session-policies": "arn:a\narn:b"})
	if err := Credentials(t.Context(), j.Job); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"AWS_ACCESS_KEY_ID": "ASIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s3cret", "AWS_SESSION_TOKEN": "session1",
		"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1",
	}
	if got := j.file("GITHUB_ENV"); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("environment %v", got)
	}
	out := j.file("GITHUB_OUTPUT")
	if out["aws-account-id"] != "123456789012" || out["authenticated-arn"] != "arn:aws:sts::123456789012:assumed-role/deployer/GitHubActions" ||
		out["aws-secret-access-key"] != "s3cret" || out["aws-expiration"] != "2030-01-02T03:04:05.000Z" || len(out) != 6 {
		t.Errorf("outputs %v", out)
	}
	if c := s.calls[0]; !slices.Equal(s.actions(), []string{"AssumeRoleWithWebIdentity", "GetCallerIdentity"}) || c.Get("RoleArn") != oidcRole || c.Get("DurationSeconds") != "3600" ||
		c.Get("WebIdentityToken") != s.token(1) || c.Get("RoleSessionName") != "GitHub-Action-Role" || c.Get("PolicyArns.member.2.arn") != "arn:b" || c.Has("Tags.member.1.Key") {
		t.Errorf("calls %v", s.calls)
	}
	for _, secret := range []string{s.token(1), "s3cret", "session1", "ASIAEXAMPLE", "123456789012"} {
		first := j.out.String()[:strings.Index(j.out.String(), secret)]
		if !strings.HasSuffix(first, "::add-mask::") {
			t.Errorf("%s was printed before it was masked:\n%s", secret, &j.out)
		}
	}
	// Nothing but the runner's own files is on disk.
	files, _ := filepath.Glob(j.env["GITHUB_WORKSPACE"] + "/*")
	if len(files) != 2 {
		t.Errorf("files %v", files)
	}
}

func TestEveryAttemptHasAFreshToken(t *testing.T) {
	s := newSecurity(t, "AccessDenied", "InvalidIdentityToken")
	j := s.job(map[string]string{"role-to-assume": oidcRole})
	if err := Credentials(t.Context(), j.Job); err != nil {
		t.Fatal(err)
	}
	if s.tokens != 3 || s.calls[2].Get("WebIdentityToken") != s.token(3) {
		t.Errorf("%d tokens", s.tokens)
	}
}

func TestWhatStaysWrongSaysWhatTheTrustPolicyNeeds(t *testing.T) {
	s := newSecurity(t, "AccessDenied", "AccessDenied")
	err := Credentials(t.Context(), s.job(map[string]string{"role-to-assume": oidcRole, "retry-max-attempts": "2"}).Job)
	if err == nil || !strings.Contains(fault.Hint(err), `sub "repo:o/r:ref:refs/heads/main" and aud "sts.amazonaws.com"`) || len(s.calls) != 2 {
		t.Errorf("%v (hint %q), %d calls", err, fault.Hint(err), len(s.calls))
	}
	s = newSecurity(t, "MalformedPolicyDocument")
	if err := Credentials(t.Context(), s.job(map[string]string{"role-to-assume": oidcRole}).Job); err == nil || len(s.calls) != 1 {
		t.Errorf("%v, %d calls", err, len(s.calls))
	}
}

func TestKeysAssumeARoleByItsName(t *testing.T) {
	s := newSecurity(t)
	j := s.job(map[string]string{
		"role-to-assume": "deployer", "aws-access-key-id": "AKIAGIVEN", "aws-secret-access-key": "given", "role-external-id": "x",
		"custom-tags": `{"team":"a","n":1}`, "transitive-tag-keys": "team\nnone",
	})
	j.env["GITHUB_REPOSITORY"], j.env["GITHUB_ACTOR"], j.env["AWS_SESSION_TOKEN"] = "o/r", "some[bot]", "old"
	if err := Credentials(t.Context(), j.Job); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(s.actions(), []string{"GetCallerIdentity", "AssumeRole", "GetCallerIdentity"}) {
		t.Fatalf("calls %v", s.actions())
	}
	c, tags := s.calls[1], map[string]string{}
	for i := 1; c.Has(fmt.Sprintf("Tags.member.%d.Key", i)); i++ {
		tags[c.Get(fmt.Sprintf("Tags.member.%d.Key", i))] = c.Get(fmt.Sprintf("Tags.member.%d.Value", i))
	}
	if c.Get("RoleArn") != oidcRole || c.Get("ExternalId") != "x" || c.Get("TransitiveTagKeys.member.1") != "team" || c.Has("TransitiveTagKeys.member.2") ||
		fmt.Sprint(tags) != "map[Actor:some_bot_ GitHub:Actions Repository:o/r n:1 team:a]" {
		t.Errorf("asked %v, tags %v", c, tags)
	}
	if j.file("GITHUB_ENV")["AWS_SESSION_TOKEN"] != "session1" || s.tokens != 0 {
		t.Errorf("environment %v", j.file("GITHUB_ENV"))
	}
}

func TestKeysAlone(t *testing.T) {
	s := newSecurity(t)
	j := s.job(map[string]string{"aws-access-key-id": "AKIAGIVEN", "aws-secret-access-key": "given", "unset-current-credentials": "true", "allowed-account-ids": "1, 123456789012"})
	j.env["AWS_SESSION_TOKEN"] = "old"
	if err := Credentials(t.Context(), j.Job); err != nil {
		t.Fatal(err)
	}
	if e := j.file("GITHUB_ENV"); e["AWS_ACCESS_KEY_ID"] != "AKIAGIVEN" || e["AWS_SESSION_TOKEN"] != "" || e["AWS_REGION"] != "eu-west-1" {
		t.Errorf("environment %v", e)
	}
}

func TestSpecialCharactersAreAvoided(t *testing.T) {
	s := newSecurity(t)
	s.secret = "s3cret+/"
	j := s.job(map[string]string{"role-to-assume": oidcRole, "special-characters-workaround": "true", "output-env-credentials": "false", "output-credentials": "true"})
	if err := Credentials(t.Context(), j.Job); err != nil {
		t.Fatal(err)
	}
	if j.file("GITHUB_OUTPUT")["aws-secret-access-key"] != "s3cret" || len(j.file("GITHUB_ENV")) != 0 || len(s.calls) != 3 {
		t.Errorf("outputs %v", j.file("GITHUB_OUTPUT"))
	}
}

func TestATokenFile(t *testing.T) {
	s := newSecurity(t)
	j := s.job(map[string]string{"role-to-assume": oidcRole, "web-identity-token-file": "token"})
	j.write("token", "h.p.s\n")
	if err := Credentials(t.Context(), j.Job); err != nil || s.calls[0].Get("WebIdentityToken") != "h.p.s" {
		t.Errorf("%v, %v", err, s.calls)
	}
}

func TestExistingCredentials(t *testing.T) {
	s := newSecurity(t)
	j := s.job(map[string]string{"role-to-assume": oidcRole, "use-existing-credentials": "true"})
	if err := Credentials(t.Context(), j.Job); err != nil || !slices.Equal(s.actions(), []string{"GetCallerIdentity"}) {
		t.Errorf("%v, %v", err, s.actions())
	}
}

func TestWrongCredentialInputs(t *testing.T) {
	for _, tt := range []struct{ name, value, want string }{
		{"aws-region", "EU West", `"aws-region" is "EU West"`},
		{"role-session-name", "a b", `"role-session-name" is "a b"`},
		{"aws-profile", "p", "to disk"},
		{"aws-access-key-id", "AKIA", "belong together"},
		{"force-skip-oidc", "true", "no way to assume"},
		{"role-chaining", "si", `"role-chaining" is "si"`},
		{"role-duration-seconds", "long", `"role-duration-seconds" is "long"`},
		{"role-duration-seconds", "99999", "99999"},
		{"custom-tags", `["a"]`, `"custom-tags"`},
		{"custom-tags", `{"GitHub":"x"}`, `"GitHub" is set already`},
		{"custom-tags", `{"a":{}}`, `the value of "a"`},
	} {
		inputs := map[string]string{"aws-region": "eu-west-1", "role-to-assume": oidcRole}
		inputs[tt.name] = tt.value
		j := newStep(t, "", inputs)
		err := Credentials(t.Context(), j.Job)
		if err == nil || !strings.Contains(err.Error(), tt.want) || fault.Code(err) != fault.Usage {
			t.Errorf("%s=%q: %v", tt.name, tt.value, err)
		}
		if _, err := os.Stat(j.env["GITHUB_ENV"]); err == nil {
			t.Errorf("%s: variables were set", tt.name)
		}
	}
}
