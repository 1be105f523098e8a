package elbv2

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/go-jose/go-jose/v4"

	"github.com/turnoutdev/turnout/cloud/internal/balancer"
)

const (
	maxClaims    = 10
	maxIssuer    = 256
	keysFor      = 5 * time.Minute  // before they are read again
	keysNotAgain = 10 * time.Second // before an unknown key makes them be read again
)

// checkJWT checks a jwt-validation action.
func checkJWT(c *types.JwtValidationActionConfig) error {
	if c == nil {
		return badAction("A JWT validation configuration must be specified")
	}
	if n := len(aws.ToString(c.Issuer)); n == 0 || n > maxIssuer {
		return badAction("The issuer must be between '1' and '%d' characters long", maxIssuer)
	}
	if err := checkEndpoint("JWKS endpoint", aws.ToString(c.JwksEndpoint)); err != nil {
		return err
	}
	if len(c.AdditionalClaims) > maxClaims {
		return badAction("You can specify at most '%d' additional claims", maxClaims)
	}
	for _, a := range c.AdditionalClaims {
		name := aws.ToString(a.Name)
		switch {
		case name == "" || slices.Contains([]string{"exp", "iss", "nbf", "iat"}, name):
			return badAction("The additional claim name '%s' is not valid", name)
		case !slices.Contains(a.Format.Values(), a.Format):
			return badAction("The format '%s' of the claim '%s' must be one of 'single-string, string-array, space-separated-values'", a.Format, name)
		case len(a.Values) == 0 || len(a.Values) > maxClaims || a.Format == types.JwtValidationActionAdditionalClaimFormatEnumSingleString && len(a.Values) != 1:
			return badAction("The claim '%s' must have between '1' and '%d' values, and one if its format is 'single-string'", name, maxClaims)
		}
	}
	return nil
}

// jwtGate lets requests pass whose bearer token is valid.
type jwtGate struct {
	config types.JwtValidationActionConfig
	log    func(string, ...any)

	mu   sync.Mutex // held while keys are read
	keys jose.JSONWebKeySet
	at   time.Time
}

// Admit is balancer.Gate.
func (g *jwtGate) Admit(ctx context.Context, v *balancer.Visitor) balancer.Admission {
	deny := balancer.Admission{Status: http.StatusUnauthorized}
	token, ok := bearer(v.Header("Authorization"))
	if !ok {
		return deny
	}
	sig, err := jose.ParseSigned(token, []jose.SignatureAlgorithm{jose.RS256})
	if err != nil || len(sig.Signatures) != 1 {
		return deny
	}
	keys, err := g.find(ctx, sig.Signatures[0].Header.KeyID)
	if err != nil {
		g.log("keys for JWTs could not be read", "endpoint", *g.config.JwksEndpoint, "error", err)
		return balancer.Admission{Status: http.StatusInternalServerError}
	}
	for _, k := range keys {
		if payload, err := sig.Verify(k); err == nil && g.valid(payload, time.Now()) {
			return balancer.Admission{}
		}
	}
	return deny
}

func bearer(values []string) (token string, ok bool) {
	if len(values) != 1 {
		return "", false
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	return strings.TrimSpace(token), ok && strings.EqualFold(scheme, "Bearer")
}

// find returns the keys of an id, all for "". An unknown id has the keys read again.
func (g *jwtGate) find(ctx context.Context, id string) ([]jose.JSONWebKey, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	known := g.keys.Keys
	if id != "" {
		known = g.keys.Key(id)
	}
	if age := time.Since(g.at); age < keysFor && (len(known) > 0 || age < keysNotAgain) {
		return known, nil
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, *g.config.JwksEndpoint, nil)
	if err != nil {
		return nil, err
	}
	var keys jose.JSONWebKeySet
	if err := fetchJSON(req, &keys); err != nil {
		return nil, err
	}
	if len(keys.Keys) > maxKeys {
		return nil, errors.New("there are too many keys")
	}
	g.keys, g.at = keys, time.Now()
	if id == "" {
		return keys.Keys, nil
	}
	return keys.Key(id), nil
}

// valid holds a token's claims against what is wanted.
func (g *jwtGate) valid(payload []byte, now time.Time) bool {
	var claims map[string]any
	if json.Unmarshal(payload, &claims) != nil {
		return false
	}
	after := func(name string, must bool) bool { // the time has come
		v, there := claims[name]
		t, ok := v.(float64)
		return !there && !must || ok && float64(now.Unix()) >= t
	}
	if claims["iss"] != aws.ToString(g.config.Issuer) || !after("nbf", false) || !after("iat", false) {
		return false
	}
	if _, there := claims["exp"].(float64); !there || after("exp", true) {
		return false
	}
	return !slices.ContainsFunc(g.config.AdditionalClaims, func(c types.JwtValidationActionAdditionalClaim) bool { return !has(claims[*c.Name], c) })
}

// has reports whether a claim holds all that is wanted of it.
func has(claim any, want types.JwtValidationActionAdditionalClaim) bool {
	var held []string
	switch v := claim.(type) {
	case string:
		switch want.Format {
		case types.JwtValidationActionAdditionalClaimFormatEnumSingleString:
			held = []string{v}
		case types.JwtValidationActionAdditionalClaimFormatEnumSpaceSeparatedValues:
			held = strings.Fields(v)
		}
	case []any:
		for _, e := range v {
			if s, ok := e.(string); ok && want.Format == types.JwtValidationActionAdditionalClaimFormatEnumStringArray {
				held = append(held, s)
			}
		}
	}
	return !slices.ContainsFunc(want.Values, func(w string) bool { return !slices.Contains(held, w) })
}
