package elbv2

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/go-jose/go-jose/v4"
)

// gated is an HTTPS listener whose target tells what reached it.
type gated struct {
	real
	group, listener, at string
}

func newGated(t *testing.T, gate types.Action) gated {
	t.Helper()
	g := gated{real: newReal(t)}
	lb := g.balancer(t, "web")
	g.group = g.targetGroup(t, "app")
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"uri": r.RequestURI, "header": r.Header})
	}))
	t.Cleanup(srv.Close)
	g.register(t, g.group, srv.URL)
	g.listener, g.at = g.listen(t, elb.CreateListenerInput{
		LoadBalancerArn: &lb, Port: aws.Int32(18443), Protocol: types.ProtocolEnumHttps, Certificates: []types.Certificate{{CertificateArn: aws.String(certificateX)}},
		DefaultActions: gates(gate, g.group),
	})
	g.waitFor(t, g.group, "healthy")
	return g
}

func gates(gate types.Action, group string) []types.Action {
	gate.Order = aws.Int32(1)
	last := forward(group)[0]
	last.Order = aws.Int32(2)
	return []types.Action{last, gate}
}

// ask sends a request and returns what came and what reached the target.
func (g gated) ask(t *testing.T, path string, header ...string) (*http.Response, http.Header) {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, "https://"+g.at+path, nil)
	must(t, 0, err)
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	res, err := g.http.Do(req)
	must(t, res, err)
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	must(t, b, err)
	var seen struct{ Header http.Header }
	_ = json.Unmarshal(b, &seen)
	return res, seen.Header
}

func TestJWTValidation(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, 0, err)
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, 0, err)
	var reads atomic.Int32
	jwks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		reads.Add(1)
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k1", Algorithm: "RS256", Use: "sig"}}})
	}))
	t.Cleanup(jwks.Close)
	claim := func(name string, format types.JwtValidationActionAdditionalClaimFormatEnum, values ...string) types.JwtValidationActionAdditionalClaim {
		return types.JwtValidationActionAdditionalClaim{Name: &name, Format: format, Values: values}
	}
	g := newGated(t, types.Action{Type: types.ActionTypeEnumJwtValidation, JwtValidationConfig: &types.JwtValidationActionConfig{
		Issuer: aws.String("https://issuer"), JwksEndpoint: &jwks.URL, AdditionalClaims: []types.JwtValidationActionAdditionalClaim{
			claim("scope", "space-separated-values", "read"), claim("aud", "string-array", "a", "b"), claim("client", "single-string", "c"),
		},
	}})
	token := func(alg jose.SignatureAlgorithm, key any, change func(map[string]any)) string {
		claims := map[string]any{"iss": "https://issuer", "exp": time.Now().Add(time.Minute).Unix(), "scope": "read write", "aud": []string{"b", "a"}, "client": "c"}
		change(claims)
		signer, err := jose.NewSigner(jose.SigningKey{Algorithm: alg, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k1"))
		must(t, 0, err)
		payload, err := json.Marshal(claims)
		must(t, 0, err)
		sig, err := signer.Sign(payload)
		must(t, 0, err)
		s, err := sig.CompactSerialize()
		return must(t, s, err)
	}
	same := func(map[string]any) {}
	set := func(name string, v any) func(map[string]any) { return func(c map[string]any) { c[name] = v } }
	good := token(jose.RS256, key, same)
	if res, seen := g.ask(t, "/", "Authorization", "Bearer "+good, "X-Amzn-Oidc-Identity", "forged"); res.StatusCode != 200 || seen.Get("Authorization") != "Bearer "+good || seen.Get("X-Amzn-Oidc-Identity") != "" {
		t.Errorf("a good token: %d, %v", res.StatusCode, seen)
	}
	for name, authorization := range map[string]string{
		"no token": "", "another scheme": "Basic " + good, "no JWT": "Bearer x",
		"another's key": "Bearer " + token(jose.RS256, other, same), "another algorithm": "Bearer " + token(jose.PS256, key, same),
		"another issuer": "Bearer " + token(jose.RS256, key, set("iss", "https://other")),
		"expired":        "Bearer " + token(jose.RS256, key, set("exp", time.Now().Unix()-1)),
		"no end":         "Bearer " + token(jose.RS256, key, func(c map[string]any) { delete(c, "exp") }),
		"not yet":        "Bearer " + token(jose.RS256, key, set("nbf", time.Now().Add(time.Hour).Unix())),
		"from later":     "Bearer " + token(jose.RS256, key, set("iat", time.Now().Add(time.Hour).Unix())),
		"other scopes":   "Bearer " + token(jose.RS256, key, set("scope", "write")),
		"one audience":   "Bearer " + token(jose.RS256, key, set("aud", []string{"a"})),
		"a text":         "Bearer " + token(jose.RS256, key, set("aud", "a b")),
		"another client": "Bearer " + token(jose.RS256, key, set("client", "d")),
	} {
		if res, seen := g.ask(t, "/", "Authorization", authorization); res.StatusCode != 401 || seen != nil {
			t.Errorf("%s: %d", name, res.StatusCode)
		}
	}
	if n := reads.Load(); n != 1 {
		t.Errorf("keys were read %d times", n)
	}
	elsewhere := types.Action{Type: types.ActionTypeEnumJwtValidation, JwtValidationConfig: &types.JwtValidationActionConfig{Issuer: aws.String("https://issuer"), JwksEndpoint: aws.String("https://192.0.2.1/keys")}}
	_, err = g.ModifyListener(bg, &elb.ModifyListenerInput{ListenerArn: &g.listener, DefaultActions: gates(elsewhere, g.group)})
	must(t, 0, err)
	if res, _ := g.ask(t, "/", "Authorization", "Bearer "+good); res.StatusCode != 500 {
		t.Errorf("keys that are not on loopback: %d", res.StatusCode)
	}
}

// idp is an OpenID Connect provider with one user.
func idp(t *testing.T, subject *string) string {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /token", func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("code") != "c0de" || r.FormValue("client_id") != "me" || r.FormValue("client_secret") != "s3cret" || r.FormValue("grant_type") != "authorization_code" || !strings.HasSuffix(r.FormValue("redirect_uri"), "/oauth2/idpresponse") {
			http.Error(w, "no", http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, `{"access_token":"acc","token_type":"Bearer","id_token":"x"}`)
	})
	mux.HandleFunc("GET /userinfo", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer acc" {
			http.Error(w, "no", http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"sub": *subject, "email": "a@b.c", "about": strings.Repeat("x", 5000)})
	})
	srv := httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv.URL
}

func TestOIDC(t *testing.T) {
	subject := "user-1"
	at := idp(t, &subject)
	config := types.AuthenticateOidcActionConfig{
		Issuer: aws.String("https://issuer"), AuthorizationEndpoint: aws.String(at + "/authorize?tenant=1"), TokenEndpoint: aws.String(at + "/token"), UserInfoEndpoint: aws.String(at + "/userinfo"),
		ClientId: aws.String("me"), ClientSecret: aws.String("s3cret"), AuthenticationRequestExtraParams: map[string]string{"prompt": "login"},
	}
	gate := types.Action{Type: types.ActionTypeEnumAuthenticateOidc, AuthenticateOidcConfig: &config}
	g := newGated(t, gate)
	out, err := g.DescribeListeners(bg, &elb.DescribeListenersInput{ListenerArns: []string{g.listener}})
	shown := must(t, out, err).Listeners[0].DefaultActions
	if c := shown[0].AuthenticateOidcConfig; c.ClientSecret != nil || *c.SessionTimeout != week || *c.Scope != "openid" || *c.SessionCookieName != "AWSELBAuthSessionCookie" || c.OnUnauthenticatedRequest != "authenticate" || shown[1].Type != "forward" {
		t.Errorf("echoed as %+v", c)
	}

	res, _ := g.ask(t, "/page?x=1")
	to, err := url.Parse(res.Header.Get("Location"))
	must(t, 0, err)
	q := to.Query()
	if res.StatusCode != 302 || !strings.HasPrefix(to.String(), at+"/authorize?") || q.Get("client_id") != "me" || q.Get("response_type") != "code" || q.Get("scope") != "openid" ||
		q.Get("prompt") != "login" || q.Get("tenant") != "1" || q.Get("redirect_uri") != "https://"+g.at+"/oauth2/idpresponse" {
		t.Fatalf("sent to %s", to)
	}
	nonce := res.Cookies()[0]
	back := "/oauth2/idpresponse?code=c0de&state=" + url.QueryEscape(q.Get("state"))
	if res, _ := g.ask(t, back); res.StatusCode != 401 {
		t.Errorf("somebody else's login: %d", res.StatusCode)
	}
	if res, _ := g.ask(t, "/oauth2/idpresponse?code=c0de&state=forged", "Cookie", nonce.String()); res.StatusCode != 401 {
		t.Errorf("a forged state: %d", res.StatusCode)
	}
	for _, bad := range []string{strings.Replace(back, "c0de", "other", 1), strings.Replace(back, "code=c0de", "error=access_denied", 1)} {
		if res, _ := g.ask(t, bad, "Cookie", nonce.Name+"="+nonce.Value); res.StatusCode != 561 {
			t.Errorf("%.40s: %d", bad, res.StatusCode)
		}
	}
	subject = "evil\r\nX-Admin: 1"
	if res, _ := g.ask(t, back, "Cookie", nonce.Name+"="+nonce.Value); res.StatusCode != 561 {
		t.Errorf("a user with line ends: %d", res.StatusCode)
	}
	subject = "user-1"
	res, _ = g.ask(t, back, "Cookie", nonce.Name+"="+nonce.Value)
	if res.StatusCode != 302 || res.Header.Get("Location") != "https://"+g.at+"/page?x=1" {
		t.Fatalf("back: %d to %s", res.StatusCode, res.Header.Get("Location"))
	}
	var session []string
	for _, c := range res.Cookies() {
		if strings.HasPrefix(c.Name, "AWSELBAuthSessionCookie-") && c.Secure && c.HttpOnly {
			session = append(session, c.Name+"="+c.Value)
		}
	}
	if len(session) < 2 {
		t.Fatalf("cookies are %v", session)
	}
	cookies := strings.Join(session, "; ")
	res, seen := g.ask(t, "/page", "Cookie", cookies, "X-Amzn-Oidc-Identity", "forged")
	if res.StatusCode != 200 || fmt.Sprint(seen["X-Amzn-Oidc-Identity"]) != "[user-1]" || seen.Get("X-Amzn-Oidc-Accesstoken") != "acc" {
		t.Fatalf("%d, the target saw %v", res.StatusCode, seen)
	}
	g.checkData(t, seen.Get("X-Amzn-Oidc-Data"))
	if res, _ := g.ask(t, "/page", "Cookie", cookies[:len(cookies)-2]+"xx"); res.StatusCode != 302 {
		t.Errorf("a changed session: %d", res.StatusCode)
	}

	config.OnUnauthenticatedRequest, config.ClientSecret, config.UseExistingClientSecret = "deny", nil, aws.Bool(true)
	change := func() {
		t.Helper()
		_, err := g.ModifyListener(bg, &elb.ModifyListenerInput{ListenerArn: &g.listener, DefaultActions: gates(gate, g.group)})
		must(t, 0, err)
	}
	change()
	if res, _ := g.ask(t, "/"); res.StatusCode != 401 {
		t.Errorf("denied: %d", res.StatusCode)
	}
	if res, _ := g.ask(t, "/", "Cookie", cookies); res.StatusCode != 200 {
		t.Errorf("the session is worth nothing: %d", res.StatusCode)
	}
	config.OnUnauthenticatedRequest = "allow"
	change()
	if res, seen := g.ask(t, "/", "X-Amzn-Oidc-Data", "forged"); res.StatusCode != 200 || seen.Get("X-Amzn-Oidc-Data") != "" {
		t.Errorf("allowed: %d, %v", res.StatusCode, seen)
	}
}

// checkData verifies what the target is told with the key that the load balancer publishes.
func (g gated) checkData(t *testing.T, token string) {
	t.Helper()
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		t.Fatalf("%q is no JWT", token)
	}
	var header, claims map[string]any
	for i, into := range []*map[string]any{&header, &claims} {
		b, err := base64.URLEncoding.DecodeString(parts[i])
		must(t, b, err)
		must(t, 0, json.Unmarshal(b, into))
	}
	if header["alg"] != "ES256" || header["client"] != "me" || header["iss"] != "https://issuer" || !strings.Contains(fmt.Sprint(header["signer"]), "loadbalancer/app/web/") || claims["email"] != "a@b.c" || claims["sub"] != "user-1" {
		t.Errorf("header %v, claims %v", header, claims)
	}
	w := httptest.NewRecorder()
	g.ServeHTTP(w, httptest.NewRequest(http.MethodGet, Files+"keys/"+fmt.Sprint(header["kid"]), nil))
	block, _ := pem.Decode(w.Body.Bytes())
	if block == nil {
		t.Fatalf("no key: %d", w.Code)
	}
	key, err := x509.ParsePKIXPublicKey(block.Bytes)
	must(t, key, err)
	sig, err := base64.URLEncoding.DecodeString(parts[2])
	must(t, sig, err)
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if !ecdsa.Verify(key.(*ecdsa.PublicKey), sum[:], new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])) {
		t.Error("the signature is wrong")
	}
}

func TestGatesRefused(t *testing.T) {
	s := newScene(t)
	endpoint := aws.String("https://idp/x")
	oidc := func(change func(*types.AuthenticateOidcActionConfig)) types.Action {
		c := &types.AuthenticateOidcActionConfig{Issuer: endpoint, AuthorizationEndpoint: endpoint, TokenEndpoint: endpoint, UserInfoEndpoint: endpoint, ClientId: aws.String("a"), ClientSecret: aws.String("b")}
		change(c)
		return types.Action{Type: types.ActionTypeEnumAuthenticateOidc, AuthenticateOidcConfig: c}
	}
	jwt := func(c *types.JwtValidationActionConfig) types.Action {
		return types.Action{Type: types.ActionTypeEnumJwtValidation, JwtValidationConfig: c}
	}
	good := oidc(func(*types.AuthenticateOidcActionConfig) {})
	const bad = "InvalidLoadBalancerAction"
	for _, tc := range []struct {
		name          string
		actions       []types.Action
		code, message string
	}{
		{"nothing follows", []types.Action{good}, bad, "The last action must be one of 'forward', 'redirect' or 'fixed-response'"},
		{"two gates", append([]types.Action{good, good}, forward(s.blue)...), "TooManyActions", "You can specify only one action that authenticates"},
		{"plain HTTP", gates(oidc(func(c *types.AuthenticateOidcActionConfig) { c.TokenEndpoint = aws.String("http://idp/x") }), s.blue), bad, "The token endpoint 'http://idp/x' must be a full URL with the HTTPS protocol"},
		{"no secret", gates(oidc(func(c *types.AuthenticateOidcActionConfig) { c.ClientSecret = nil }), s.blue), bad, "A client secret must be specified"},
		{"a long session", gates(oidc(func(c *types.AuthenticateOidcActionConfig) { c.SessionTimeout = aws.Int64(week + 1) }), s.blue), bad, "The session timeout must be between '1' and '604800' seconds"},
		{"Cognito", gates(types.Action{Type: types.ActionTypeEnumAuthenticateCognito}, s.blue), bad, "Actions of type 'authenticate-cognito' are not offered by the local cloud, which has no Amazon Cognito: use 'authenticate-oidc' with the user pool's endpoints"},
		{"no issuer", gates(jwt(&types.JwtValidationActionConfig{JwksEndpoint: endpoint}), s.blue), bad, "The issuer must be between '1' and '256' characters long"},
		{"a claim of its own", gates(jwt(&types.JwtValidationActionConfig{Issuer: endpoint, JwksEndpoint: endpoint, AdditionalClaims: []types.JwtValidationActionAdditionalClaim{{Name: aws.String("exp"), Format: "single-string", Values: []string{"1"}}}}), s.blue), bad, "The additional claim name 'exp' is not valid"},
		{"two of one", gates(jwt(&types.JwtValidationActionConfig{Issuer: endpoint, JwksEndpoint: endpoint, AdditionalClaims: []types.JwtValidationActionAdditionalClaim{{Name: aws.String("a"), Format: "single-string", Values: []string{"1", "2"}}}}), s.blue), bad, "The claim 'a' must have between '1' and '10' values, and one if its format is 'single-string'"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := s.CreateListener(bg, &elb.CreateListenerInput{LoadBalancerArn: &s.lb, Port: aws.Int32(443), Protocol: types.ProtocolEnumHttps, DefaultActions: tc.actions, Certificates: []types.Certificate{{CertificateArn: aws.String(certificateX)}}})
			wantError(t, err, tc.code, tc.message)
		})
	}
	_, err := s.CreateListener(bg, &elb.CreateListenerInput{LoadBalancerArn: &s.lb, Port: aws.Int32(81), Protocol: types.ProtocolEnumHttp, DefaultActions: gates(good, s.blue)})
	wantError(t, err, bad, "Actions of type 'authenticate-oidc' are supported only on HTTPS listeners")
}
