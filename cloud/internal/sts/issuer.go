package sts

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/subtle"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/turnoutdev/turnout/cloud/internal/clock"
	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// GitHub is the issuer of GitHub's own tokens, whose name the cloud's issuer bears by
// default: trust policies that were written for it hold without a change.
const GitHub = "https://token.actions.githubusercontent.com"

// IssuerOptions says what an Issuer vouches for.
type IssuerOptions struct {
	Store *store.Store
	Clock *clock.Clock
	URL   string // what tokens name as their issuer; default GitHub
	Base  string // where the handler is reached, without a slash at the end

	// Claims are in every token; a request's query may set others. "sub" is made of
	// "repository" and "environment" or "ref" as GitHub does, unless it is given.
	Claims map[string]string

	// Secret fixes RequestToken; empty keeps the stored one, or makes one.
	Secret string

	Log *slog.Logger // default slog.Default()
}

// Issuer is an OpenID Connect provider in the shape of GitHub's, for workflows that run
// against the cloud. It is an http.Handler of
//
//	/.well-known/openid-configuration
//	/.well-known/jwks
//	/token?audience=A    with "Authorization: bearer RequestToken"
//
// the last of which is what ACTIONS_ID_TOKEN_REQUEST_URL points to.
type Issuer struct {
	IssuerOptions
	RequestToken string // ACTIONS_ID_TOKEN_REQUEST_TOKEN

	table store.Table[issuerRow]
	id    string // of the key
	once  sync.Once
	key   jose.JSONWebKey
	err   error
}

type issuerRow struct {
	ID, Token string
	Key       []byte // PKCS #1; made when it is first needed
}

const (
	issuerKey  = "key"
	tokenLife  = 5 * time.Minute
	rsaKeyBits = 2048
)

// NewIssuer opens the issuer's state. Its key, which takes a while to make, is made when
// it is first asked for, and kept.
func NewIssuer(o IssuerOptions) (*Issuer, error) {
	if o.URL == "" {
		o.URL = GitHub
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	t, err := store.NewTable[issuerRow](o.Store, "sts/issuer")
	if err != nil {
		return nil, err
	}
	i := &Issuer{IssuerOptions: o, table: t}
	return i, o.Store.Update(func(tx *store.Tx) error {
		row, ok := t.Get(tx, issuerKey)
		if !ok {
			row = issuerRow{ID: ids.Hex(16), Token: ids.Hex(32)}
		}
		if o.Secret != "" {
			row.Token = o.Secret
		}
		t.Put(tx, issuerKey, row)
		i.RequestToken, i.id = row.Token, row.ID
		return nil
	})
}

// RequestURL is ACTIONS_ID_TOKEN_REQUEST_URL: like GitHub's it has a query, to which
// clients append "&audience=".
func (i *Issuer) RequestURL() string { return i.Base + "/token?api-version=2.0" }

// KeyID names the key that tokens are signed with.
func (i *Issuer) KeyID() string { return i.id }

// signing returns the key, made on the first call.
func (i *Issuer) signing() (jose.JSONWebKey, error) {
	i.once.Do(func() { i.key, i.err = i.load() })
	return i.key, i.err
}

func (i *Issuer) load() (k jose.JSONWebKey, err error) {
	var row issuerRow
	i.Store.View(func(tx *store.Tx) { row, _ = i.table.Get(tx, issuerKey) })
	if row.Key == nil {
		made, err := rsa.GenerateKey(rand.Reader, rsaKeyBits)
		if err != nil {
			return k, err
		}
		row.Key = x509.MarshalPKCS1PrivateKey(made)
		err = i.Store.Update(func(tx *store.Tx) error {
			i.table.Put(tx, issuerKey, row)
			return nil
		})
		if err != nil {
			return k, err
		}
	}
	key, err := x509.ParsePKCS1PrivateKey(row.Key)
	if err != nil {
		return k, fmt.Errorf("issuer's key: %w", err)
	}
	return jose.JSONWebKey{Key: key, KeyID: row.ID, Algorithm: string(jose.RS256), Use: "sig"}, nil
}

func (i *Issuer) public() (*jose.JSONWebKeySet, error) {
	k, err := i.signing()
	if err != nil {
		return nil, err
	}
	return &jose.JSONWebKeySet{Keys: []jose.JSONWebKey{k.Public()}}, nil
}

// Token makes a token for an audience. Claims add to the issuer's own and override them.
func (i *Issuer) Token(audience string, claims map[string]string) (string, error) {
	k, err := i.signing()
	if err != nil {
		return "", err
	}
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: k}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		return "", err
	}
	now := i.Clock.Now()
	all := map[string]any{}
	own := maps.Clone(i.Claims)
	if own == nil {
		own = map[string]string{}
	}
	maps.Copy(own, claims)
	derive(own)
	for name, v := range own {
		all[name] = v
	}
	all["sub"] = subject(own)
	all["iss"], all["aud"], all["jti"] = i.URL, audience, ids.UUID()
	all["iat"], all["nbf"], all["exp"] = now.Unix(), now.Add(-tokenLife).Unix(), now.Add(tokenLife).Unix()
	return jwt.Signed(signer).Claims(all).Serialize()
}

// derive adds the claims that GitHub has besides and that follow from others.
func derive(c map[string]string) {
	set := func(name, value string) {
		if c[name] == "" && value != "" {
			c[name] = value
		}
	}
	owner, _, _ := strings.Cut(c["repository"], "/")
	set("repository_owner", owner)
	set("actor", owner)
	set("event_name", "push")
	kind := "branch"
	if strings.HasPrefix(c["ref"], "refs/tags/") {
		kind = "tag"
	}
	set("ref_type", kind)
	set("runner_environment", "self-hosted")
}

// subject is GitHub's: an environment goes before a pull request, and that before a ref.
func subject(c map[string]string) string {
	repo := "repo:" + c["repository"]
	switch {
	case c["sub"] != "":
		return c["sub"]
	case c["environment"] != "":
		return repo + ":environment:" + c["environment"]
	case c["event_name"] == "pull_request":
		return repo + ":pull_request"
	}
	return repo + ":ref:" + c["ref"]
}

// ServeHTTP answers the three paths.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/.well-known/openid-configuration":
		i.reply(w, map[string]any{
			"issuer": i.URL, "jwks_uri": i.Base + "/.well-known/jwks",
			"subject_types_supported": []string{"public", "pairwise"}, "response_types_supported": []string{"id_token"},
			"id_token_signing_alg_values_supported": []string{"RS256"}, "scopes_supported": []string{"openid"},
			"claims_supported": []string{"sub", "aud", "exp", "iat", "iss", "jti", "nbf", "ref", "repository", "environment"},
		}, nil)
	case "/.well-known/jwks":
		set, err := i.public()
		i.reply(w, set, err)
	case "/token":
		i.serveToken(w, r)
	default:
		http.NotFound(w, r)
	}
}

func (i *Issuer) serveToken(w http.ResponseWriter, r *http.Request) {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") || subtle.ConstantTimeCompare([]byte(given), []byte(i.RequestToken)) != 1 {
		http.Error(w, `{"message":"the request token is missing or wrong"}`, http.StatusUnauthorized)
		return
	}
	q := r.URL.Query()
	audience := q.Get("audience")
	if audience == "" {
		audience = "https://github.com/" + strings.Split(i.Claims["repository"], "/")[0]
	}
	claims := map[string]string{}
	for name := range q {
		if name != "audience" && name != "api-version" {
			claims[name] = q.Get(name)
		}
	}
	t, err := i.Token(audience, claims)
	i.reply(w, map[string]any{"count": len(t), "value": t}, err)
}

func (i *Issuer) reply(w http.ResponseWriter, v any, err error) {
	if err != nil {
		i.Log.Error("the local issuer cannot sign", "error", err)
		http.Error(w, `{"message":"the signing key cannot be had"}`, http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	_ = json.NewEncoder(w).Encode(v) // a client that is gone does not get it
}
