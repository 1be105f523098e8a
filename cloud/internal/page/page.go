// Package page cuts lists into the pages that AWS's list operations return.
package page

import (
	"encoding/base64"
	"errors"
	"strings"
)

// ErrToken is returned for a token that no page gave out; services turn it into their own error.
var ErrToken = errors.New("page: unknown token")

// Cut returns the items after the one that token names, at most limit of them, and the
// token of the next page ("" on the last). Tokens name the last key seen, so a page
// stays right while items come and go. Items stand in the order in which they are
// given; key must be unique.
func Cut[T any](items []T, key func(T) string, token string, limit int) (part []T, next string, err error) {
	start := 0
	if token != "" {
		last, err := decode(token)
		if err != nil {
			return nil, "", err
		}
		start = -1
		for i, it := range items {
			if key(it) == last {
				start = i + 1
				break
			}
		}
		if start < 0 {
			return nil, "", ErrToken
		}
	}
	items = items[start:]
	if limit <= 0 || len(items) <= limit {
		return items, "", nil
	}
	return items[:limit], encode(key(items[limit-1])), nil
}

const prefix = "turnout:"

func encode(key string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(prefix + key))
}

func decode(token string) (string, error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil || !strings.HasPrefix(string(b), prefix) {
		return "", ErrToken
	}
	return string(b[len(prefix):]), nil
}
