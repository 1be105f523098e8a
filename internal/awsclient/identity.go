package awsclient

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// The variables in which a GitHub runner offers its identity tokens.
const (
	TokenURL    = "ACTIONS_ID_TOKEN_REQUEST_URL"
	TokenBearer = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
)

// ErrNoIdentity is matched when the job has no identity tokens to give.
var ErrNoIdentity = errors.New("this job gives no identity token")

// GitHubToken asks the runner of a GitHub job for an identity token (a JWT that GitHub
// signs and AWS verifies). It lives for some minutes: ask for a new one rather than keep
// it.
func GitHubToken(ctx context.Context, env func(string) string, audience string) (string, error) {
	base, bearer := env(TokenURL), env(TokenBearer)
	if base == "" || bearer == "" {
		return "", ErrNoIdentity
	}
	u, err := url.Parse(base)
	if err != nil || u.Host == "" {
		return "", fmt.Errorf("%s is no URL", TokenURL)
	}
	q := u.Query()
	if audience != "" {
		q.Set("audience", audience)
	}
	u.RawQuery = q.Encode()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+bearer)
	req.Header.Set("Accept", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		var where *url.Error // its text has the URL, whose query may be secret
		if errors.As(err, &where) {
			err = where.Err
		}
		return "", fmt.Errorf("ask the runner for an identity token: %w", err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return "", fmt.Errorf("ask the runner for an identity token: %w", err)
	}
	var out struct {
		Value string `json:"value"`
	}
	if res.StatusCode != http.StatusOK || json.Unmarshal(b, &out) != nil || out.Value == "" {
		return "", fmt.Errorf("ask the runner for an identity token: it answers %s", res.Status)
	}
	return out.Value, nil
}

// Claims are what an identity token says of the job, for messages: none of it is secret.
type Claims struct {
	Issuer  string `json:"iss"`
	Subject string `json:"sub"`
	// Audience is a string or, in other issuers' tokens, a list.
	Audience any `json:"aud"`
}

// ReadClaims reads a token without verifying it, which is AWS's business.
func ReadClaims(token string) (c Claims, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return c, false
	}
	b, err := base64.RawURLEncoding.DecodeString(parts[1])
	return c, err == nil && json.Unmarshal(b, &c) == nil
}
