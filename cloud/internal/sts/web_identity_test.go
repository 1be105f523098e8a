package sts_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/turnoutdev/turnout/cloud/internal/sts"
)

const (
	webStep = `"sts:AssumeRoleWithWebIdentity"`
	github  = `"Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"}`
	ofMain  = github + `,"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"},` +
		`"StringLike":{"token.actions.githubusercontent.com:sub":"repo:o/r:ref:refs/heads/*"}}`
)

func (c cloud) web(role, token string) (*sdk.AssumeRoleWithWebIdentityOutput, error) {
	return c.AssumeRoleWithWebIdentity(bg, &sdk.AssumeRoleWithWebIdentityInput{
		RoleArn: &role, RoleSessionName: aws.String("GitHubActions"), WebIdentityToken: &token, DurationSeconds: aws.Int32(3600),
	})
}

// A GitHub job's way to its role, with the cloud's own issuer in GitHub's place.
func TestWebIdentityStory(t *testing.T) {
	c := newCloud(t)
	id := c.provider(t, sts.GitHub)
	role := c.role(t, "deploy", webStep, ofMain)

	req := httptest.NewRequest(http.MethodGet, "/token?api-version=2.0&audience=sts.amazonaws.com", nil)
	rec := httptest.NewRecorder()
	c.issuer.ServeHTTP(rec, req)
	if rec.Code != http.StatusUnauthorized {
		t.Errorf("without the request token: %d", rec.Code)
	}
	req.Header.Set("Authorization", "bearer "+c.issuer.RequestToken)
	rec = httptest.NewRecorder()
	c.issuer.ServeHTTP(rec, req)
	var answer struct{ Value string }
	if err := json.NewDecoder(rec.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	out, err := c.web(role, answer.Value)
	o := must(t, out, err)
	if *o.SubjectFromWebIdentityToken != "repo:o/r:ref:refs/heads/main" || *o.Audience != "sts.amazonaws.com" || *o.Provider != id ||
		*o.AssumedRoleUser.Arn != "arn:aws:sts::123456789012:assumed-role/deploy/GitHubActions" {
		t.Errorf("got %s, %s, %s", *o.SubjectFromWebIdentityToken, *o.Audience, *o.Provider)
	}
}

// What is wrong, in the order in which AWS looks.
func TestWebIdentityRefuses(t *testing.T) {
	c := newCloud(t)
	role := c.role(t, "deploy", webStep, ofMain)
	token := func(claims map[string]string) string {
		out, err := c.issuer.Token("sts.amazonaws.com", claims)
		return must(t, out, err)
	}
	good := token(nil)
	const denied = "Not authorized to perform sts:AssumeRoleWithWebIdentity"

	_, err := c.web(role, "not.a.token")
	wantError(t, err, "InvalidIdentityToken", "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)")
	_, err = c.web(role, good)
	wantError(t, err, "InvalidIdentityToken", "No OpenIDConnect provider found in your account for https://token.actions.githubusercontent.com")
	c.provider(t, sts.GitHub)
	other, err := c.issuer.Token("https://github.com/o", nil)
	_, err = c.web(role, must(t, other, err))
	wantError(t, err, "InvalidIdentityToken", "Incorrect token audience")
	head, rest, _ := strings.Cut(good, ".")
	body, _, _ := strings.Cut(rest, ".")
	_, err = c.web(role, head+"."+body+"."+strings.Repeat("A", 342))
	wantError(t, err, "InvalidIdentityToken", "Token signature invalid")
	for _, claims := range []map[string]string{
		{"repository": "o/R"}, {"repository": "x/r"}, {"environment": "prod"}, {"event_name": "pull_request"}, {"sub": "me"},
	} {
		_, err = c.web(role, token(claims))
		wantError(t, err, "AccessDenied", denied)
	}
	_, err = c.web(role+"x", good)
	wantError(t, err, "AccessDenied", denied)
	_, err = c.web(c.role(t, "signed", anyStep, account), good)
	wantError(t, err, "AccessDenied", denied)
	long := sdk.AssumeRoleWithWebIdentityInput{RoleArn: &role, RoleSessionName: aws.String("xx"), WebIdentityToken: &good, DurationSeconds: aws.Int32(7200)}
	_, err = c.AssumeRoleWithWebIdentity(bg, &long)
	wantError(t, err, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
}

func TestTokensExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := newCloud(t)
		c.provider(t, sts.GitHub)
		role := c.role(t, "deploy", webStep, ofMain)
		out, err := c.issuer.Token("sts.amazonaws.com", nil)
		token := must(t, out, err)
		time.Sleep(4 * time.Minute)
		_, err = c.web(role, token)
		must(t, 0, err)
		time.Sleep(2 * time.Minute)
		_, err = c.web(role, token)
		wantError(t, err, "ExpiredTokenException", "Token expired: current date/time 946685160 must be before the expiration date/time 946685100")
	})
}

// An issuer that is found by its discovery document.
func TestServedIssuer(t *testing.T) {
	c := newCloud(t)
	i := served(t)
	c.provider(t, i.URL)
	host := strings.TrimPrefix(i.URL, "http://")
	role := c.role(t, "deploy", webStep, `"Principal":{"Federated":"arn:aws:iam::123456789012:oidc-provider/`+host+`"},`+
		`"Condition":{"StringEquals":{"`+host+`:sub":"me"}}`)
	out, err := i.Token("sts.amazonaws.com", map[string]string{"sub": "me"})
	token := must(t, out, err)
	_, err = c.web(role, token)
	must(t, 0, err)

	for _, url := range []string{"http://127.0.0.1:1/gone", "https://127.0.0.1:1"} {
		i.URL = url // tokens say so; nobody answers there
		c.provider(t, url)
		out, err = i.Token("sts.amazonaws.com", map[string]string{"sub": "me"})
		_, err = c.web(role, must(t, out, err))
		wantError(t, err, "InvalidIdentityToken", "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements")
	}
}

func TestIssuerDocuments(t *testing.T) {
	i := served(t)
	var found struct {
		Issuer string
		JWKS   string `json:"jwks_uri"`
	}
	get(t, i.URL+"/.well-known/openid-configuration", &found)
	if found.Issuer != i.URL {
		t.Errorf("the issuer is %s", found.Issuer)
	}
	var set struct{ Keys []map[string]string }
	get(t, found.JWKS, &set)
	if len(set.Keys) != 1 || set.Keys[0]["kty"] != "RSA" || set.Keys[0]["d"] != "" {
		t.Errorf("the keys are %v", set.Keys)
	}
	rec := httptest.NewRecorder()
	i.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/", nil))
	if rec.Code != http.StatusNotFound {
		t.Errorf("/ answers %d", rec.Code)
	}
}

func get(t *testing.T, url string, into any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(bg, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	resp, err := http.DefaultClient.Do(must(t, req, err))
	must(t, 0, err)
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
}
