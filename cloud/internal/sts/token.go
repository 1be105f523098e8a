package sts

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// algorithms are those that AWS takes.
var algorithms = []jose.SignatureAlgorithm{jose.RS256, jose.RS384, jose.RS512, jose.ES256, jose.ES384, jose.ES512}

const (
	maxTokenLength = 20000
	fetchTimeout   = 5 * time.Second
	maxDocument    = 1 << 20
)

// token is an identity provider's, not yet verified.
type token struct {
	signed *jwt.JSONWebToken
	jwt.Claims
	Authorized string   `json:"azp"`
	Methods    []string `json:"amr"`
}

// readToken looks at the form only.
func readToken(raw string) (*token, error) {
	if len(raw) > maxTokenLength {
		return nil, errors.New("token is too long")
	}
	signed, err := jwt.ParseSigned(raw, algorithms)
	if err != nil {
		return nil, err
	}
	t := &token{signed: signed}
	if err := signed.UnsafeClaimsWithoutVerification(t); err != nil {
		return nil, err
	}
	if t.Issuer == "" || t.Subject == "" || len(t.Audience) == 0 || t.Expiry == nil {
		return nil, errors.New("token lacks iss, sub, aud or exp")
	}
	if t.NotBefore == nil {
		t.NotBefore = jwt.NewNumericDate(time.Unix(0, 0))
	}
	return t, nil
}

// host is the issuer as IAM names it.
func (t *token) host() string {
	_, host, ok := strings.Cut(t.Issuer, "://")
	if !ok {
		host = t.Issuer
	}
	return strings.TrimSuffix(host, "/")
}

// audience is whom the token is for: of several, the one that it was issued to.
func (t *token) audience() string {
	if t.Authorized != "" {
		return t.Authorized
	}
	return t.Audience[0]
}

func (t *token) signedBy(keys *jose.JSONWebKeySet) bool {
	candidates := keys.Keys
	if id := t.signed.Headers[0].KeyID; id != "" {
		candidates = keys.Key(id)
	}
	for _, k := range candidates {
		var any map[string]any
		if t.signed.Claims(k.Public(), &any) == nil {
			return true
		}
	}
	return false
}

func seconds(t time.Time) string { return strconv.FormatInt(t.Unix(), 10) }

// keys are those that the token's issuer signs with. The cloud's own issuer is asked
// directly, whatever its name is, if the token says that it is signed with its key; others
// are found by their discovery document.
func (s *Service) keys(ctx context.Context, t *token) (*jose.JSONWebKeySet, error) {
	if s.Issuer != nil && s.Issuer.URL == t.Issuer && s.Issuer.KeyID() == t.signed.Headers[0].KeyID {
		return s.Issuer.public()
	}
	var found struct {
		Issuer string `json:"issuer"`
		JWKS   string `json:"jwks_uri"`
	}
	if err := s.fetch(ctx, strings.TrimSuffix(t.Issuer, "/")+"/.well-known/openid-configuration", &found); err != nil {
		return nil, err
	}
	if found.Issuer != t.Issuer {
		return nil, fmt.Errorf("the issuer calls itself %q", found.Issuer)
	}
	set := &jose.JSONWebKeySet{}
	return set, s.fetch(ctx, found.JWKS, set)
}

// fetch reads a JSON document. Only HTTPS is trusted, but for loopback.
func (s *Service) fetch(ctx context.Context, from string, into any) error {
	u, err := url.Parse(from)
	if err != nil {
		return err
	}
	if u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())) {
		return fmt.Errorf("%s is neither HTTPS nor loopback", from)
	}
	ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	resp, err := s.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }() // nothing is lost
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", from, resp.Status)
	}
	return json.NewDecoder(io.LimitReader(resp.Body, maxDocument)).Decode(into)
}

func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
