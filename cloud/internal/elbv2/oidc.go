package elbv2

import (
	"cmp"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
)

const (
	sessionCookie   = "AWSELBAuthSessionCookie"
	nonceCookie     = "AWSALBAuthNonce"
	loginTimeout    = 15 * time.Minute
	maxExtraParams  = 10
	maxCookie       = 4000 // bytes of a session in one cookie
	maxShards       = 4
	badLogin        = 561 // the provider refuses or fails
	idTokenLifetime = 2 * time.Minute
)

// checkOIDC checks an authenticate-oidc action and fills in the defaults.
func checkOIDC(c *types.AuthenticateOidcActionConfig) error {
	if c == nil {
		return badAction("An authenticate-oidc configuration must be specified")
	}
	for what, s := range map[string]*string{"issuer": c.Issuer, "authorization endpoint": c.AuthorizationEndpoint, "token endpoint": c.TokenEndpoint, "user info endpoint": c.UserInfoEndpoint} {
		if err := checkEndpoint(what, aws.ToString(s)); err != nil {
			return err
		}
	}
	if aws.ToString(c.ClientId) == "" {
		return badAction("A client ID must be specified")
	}
	if len(c.AuthenticationRequestExtraParams) > maxExtraParams {
		return badAction("You can specify at most '%d' extra parameters", maxExtraParams)
	}
	fill(&c.Scope, "openid")
	fill(&c.SessionCookieName, sessionCookie)
	fill(&c.SessionTimeout, week)
	if !headerNameChars.MatchString(*c.SessionCookieName) || *c.SessionCookieName == "" {
		return badAction("The session cookie name '%s' is not valid", *c.SessionCookieName)
	}
	if *c.SessionTimeout < 1 || *c.SessionTimeout > week {
		return badAction("The session timeout must be between '1' and '%d' seconds", week)
	}
	c.OnUnauthenticatedRequest = cmp.Or(c.OnUnauthenticatedRequest, types.AuthenticateOidcActionConditionalBehaviorEnumAuthenticate)
	return nil
}

// login is what all OIDC gates of a service share: keys that seal sessions and sign what
// targets are told. They last as long as the process.
type login struct {
	seal   cipher.AEAD
	signer *ecdsa.PrivateKey
	kid    string
}

func newLogin() (*login, error) {
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	l := &login{kid: ids.UUID()}
	if l.seal, err = cipher.NewGCM(block); err != nil {
		return nil, err
	}
	l.signer, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return l, err
}

// sealed encrypts v for a cookie or a parameter; what is its purpose.
func (l *login) sealed(what string, v any) string {
	plain, _ := json.Marshal(v) // of strings and numbers
	nonce := make([]byte, l.seal.NonceSize())
	_, _ = rand.Read(nonce)
	return base64.RawURLEncoding.EncodeToString(l.seal.Seal(nonce, nonce, plain, []byte(what)))
}

func (l *login) unseal(what, s string, v any) bool {
	b, err := base64.RawURLEncoding.DecodeString(s)
	n := l.seal.NonceSize()
	if err != nil || len(b) < n {
		return false
	}
	plain, err := l.seal.Open(nil, b[:n], b[n:], []byte(what))
	return err == nil && json.Unmarshal(plain, v) == nil
}

// public is the key that verifies what targets are told, in PEM.
func (l *login) public() []byte {
	der, _ := x509.MarshalPKIXPublicKey(l.signer.Public()) // of a P-256 key
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
}

// token is a JWT with the padding that load balancers leave in.
func (l *login) token(header, claims map[string]any) string {
	part := func(v any) string {
		b, _ := json.Marshal(v) // came as JSON
		return base64.URLEncoding.EncodeToString(b)
	}
	text := part(header) + "." + part(claims)
	sum := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, l.signer, sum[:])
	if err != nil {
		return ""
	}
	sig := make([]byte, 64)
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return text + "." + base64.URLEncoding.EncodeToString(sig)
}

// oidcGate lets users pass who have logged in.
type oidcGate struct {
	*login
	id     string // of the rule: sessions are good for rules with the same cookie and client
	lb     string
	config types.AuthenticateOidcActionConfig // with its secret
	find   func(id string) *oidcGate          // a gate of the service
	log    func(string, ...any)
}

// session is who has logged in, within cookies.
type session struct {
	Client, Issuer string
	Access         string
	Claims         map[string]any
	Ends           int64
}

// state goes along to the provider and back.
type state struct {
	Gate, URL, Nonce string
	Ends             int64
}

// Admit is balancer.Gate.
func (g *oidcGate) Admit(ctx context.Context, v *balancer.Visitor) balancer.Admission {
	if v.Path == "/oauth2/idpresponse" {
		return g.back(ctx, v)
	}
	if s, ok := g.session(v); ok {
		return balancer.Admission{Tell: g.tell(s)}
	}
	switch g.config.OnUnauthenticatedRequest {
	case types.AuthenticateOidcActionConditionalBehaviorEnumDeny:
		return balancer.Admission{Status: http.StatusUnauthorized}
	case types.AuthenticateOidcActionConditionalBehaviorEnumAllow:
		return balancer.Admission{}
	}
	return g.send(v)
}

// origin is where clients reach the load balancer: at the port that they ask, which they
// need not tell if it is the usual one.
func origin(v *balancer.Visitor) string {
	if v.Port == "443" {
		return v.Scheme + "://" + v.Host
	}
	return v.Scheme + "://" + v.Host + ":" + v.Port
}

// send sends a client to the provider.
func (g *oidcGate) send(v *balancer.Visitor) balancer.Admission {
	u, err := url.Parse(*g.config.AuthorizationEndpoint)
	if err != nil {
		return balancer.Admission{Status: badLogin}
	}
	back := origin(v) + v.Path
	if v.Query != "" {
		back += "?" + v.Query
	}
	nonce := ids.Hex(32)
	q := u.Query()
	for k, value := range g.config.AuthenticationRequestExtraParams {
		q.Set(k, value)
	}
	q.Set("client_id", *g.config.ClientId)
	q.Set("redirect_uri", origin(v)+"/oauth2/idpresponse")
	q.Set("response_type", "code")
	q.Set("scope", *g.config.Scope)
	q.Set("state", g.sealed("state", state{g.id, back, nonce, time.Now().Add(loginTimeout).Unix()}))
	u.RawQuery = q.Encode()
	return balancer.Admission{Status: http.StatusFound, Answer: []balancer.Header{
		{Name: "Location", Value: u.String()},
		{Name: "Set-Cookie", Value: nonceCookie + "=" + nonce + "; Path=/; Max-Age=900; Secure; HttpOnly; SameSite=Lax"},
	}}
}

// back receives a client whom the provider sends back.
func (g *oidcGate) back(ctx context.Context, v *balancer.Visitor) balancer.Admission {
	q, err := url.ParseQuery(v.Query)
	var st state
	if err != nil || !g.unseal("state", q.Get("state"), &st) || st.Ends < time.Now().Unix() || cookie(v, nonceCookie) != st.Nonce {
		return balancer.Admission{Status: http.StatusUnauthorized}
	}
	if own := g.find(st.Gate); own != nil {
		g = own
	}
	s, err := g.exchange(ctx, q.Get("code"), origin(v)+"/oauth2/idpresponse")
	if q.Get("error") != "" || err != nil {
		g.log("a login failed", "issuer", *g.config.Issuer, "error", cmp.Or(err, errors.New(q.Get("error"))))
		return balancer.Admission{Status: badLogin}
	}
	out := balancer.Admission{Status: http.StatusFound, Answer: []balancer.Header{
		{Name: "Location", Value: st.URL},
		{Name: "Set-Cookie", Value: nonceCookie + "=; Path=/; Max-Age=0; Secure; HttpOnly"},
	}}
	value := g.sealed("session", s)
	if len(value) > maxCookie*maxShards {
		return balancer.Admission{Status: badLogin}
	}
	for i := 0; value != ""; i++ {
		n := min(len(value), maxCookie)
		out.Answer = append(out.Answer, balancer.Header{Name: "Set-Cookie", Value: fmt.Sprintf("%s-%d=%s; Path=/; Max-Age=%d; Secure; HttpOnly; SameSite=None",
			*g.config.SessionCookieName, i, value[:n], *g.config.SessionTimeout)})
		value = value[n:]
	}
	return out
}

// exchange turns a code into a session.
func (g *oidcGate) exchange(ctx context.Context, code, redirect string) (s session, err error) {
	if code == "" {
		return s, errors.New("the provider gave no code")
	}
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect},
		"client_id": {*g.config.ClientId}, "client_secret": {aws.ToString(g.config.ClientSecret)}}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, *g.config.TokenEndpoint, strings.NewReader(form.Encode()))
	if err != nil {
		return s, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	var tokens struct {
		Access string `json:"access_token"`
	}
	if err := fetchJSON(req, &tokens); err != nil {
		return s, err
	}
	if req, err = http.NewRequestWithContext(ctx, http.MethodGet, *g.config.UserInfoEndpoint, nil); err != nil {
		return s, err
	}
	req.Header.Set("Authorization", "Bearer "+tokens.Access)
	if err := fetchJSON(req, &s.Claims); err != nil {
		return s, err
	}
	if sub, _ := s.Claims["sub"].(string); sub == "" || !visible(sub) || tokens.Access == "" || !visible(tokens.Access) {
		return s, errors.New("the provider tells of no user")
	}
	s.Client, s.Issuer, s.Access = *g.config.ClientId, *g.config.Issuer, tokens.Access
	s.Ends = time.Now().Add(time.Duration(*g.config.SessionTimeout) * time.Second).Unix()
	return s, nil
}

func visible(s string) bool {
	return !strings.ContainsFunc(s, func(c rune) bool { return c < ' ' || c >= 0x7f })
}

// session reads the client's cookies.
func (g *oidcGate) session(v *balancer.Visitor) (s session, ok bool) {
	var value strings.Builder
	for i := range maxShards {
		value.WriteString(cookie(v, fmt.Sprintf("%s-%d", *g.config.SessionCookieName, i)))
	}
	ok = value.Len() > 0 && g.unseal("session", value.String(), &s) &&
		s.Ends >= time.Now().Unix() && s.Client == *g.config.ClientId && s.Issuer == *g.config.Issuer
	return s, ok
}

func cookie(v *balancer.Visitor, name string) string {
	r := http.Request{Header: http.Header{"Cookie": v.Header("Cookie")}}
	if c, err := r.Cookie(name); err == nil {
		return c.Value
	}
	return ""
}

// tell is what the target learns of the user.
func (g *oidcGate) tell(s session) []balancer.Header {
	claims := map[string]any{}
	for k, v := range s.Claims {
		claims[k] = v
	}
	until := time.Now().Add(idTokenLifetime).Unix()
	claims["iss"], claims["exp"] = s.Issuer, until
	data := g.token(map[string]any{
		"typ": "JWT", "kid": g.kid, "alg": "ES256", "iss": s.Issuer, "client": s.Client, "signer": g.lb, "exp": until,
	}, claims)
	return []balancer.Header{
		{Name: "X-Amzn-Oidc-Accesstoken", Value: s.Access},
		{Name: "X-Amzn-Oidc-Identity", Value: s.Claims["sub"].(string)},
		{Name: "X-Amzn-Oidc-Data", Value: data},
	}
}
