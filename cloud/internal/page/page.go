// Package page cuts lists into the pages that AWS's list operations return.
package page

import (
	"encoding/base64"
	"errors"
	"slices"
	"strconv"
	"strings"
)

// ErrToken is returned for a token that no page gave out; services turn it into their own error.
var ErrToken = errors.New("page: unknown token")

// Cut returns the items after the one that token names, at most limit of them, and the
// token of the next page ("" on the last). Tokens name the last key seen and the one that
// follows, so a page stays right while items come and go, those of the page before among
// them: clients delete what they list as they go. Items stand in the order in which they
// are given; key must be unique.
func Cut[T any](items []T, key func(T) string, token string, limit int) (part []T, next string, err error) {
	if token != "" {
		start, err := place(items, key, token)
		if err != nil {
			return nil, "", err
		}
		items = items[start:]
	}
	if limit <= 0 || len(items) <= limit {
		return items, "", nil
	}
	return items[:limit], encode(key(items[limit-1]), key(items[limit])), nil
}

// place is where the page that a token asks for begins.
func place[T any](items []T, key func(T) string, token string) (int, error) {
	last, next, err := decode(token)
	if err != nil {
		return 0, err
	}
	if i := slices.IndexFunc(items, func(it T) bool { return key(it) == last }); i >= 0 {
		return i + 1, nil
	}
	if i := slices.IndexFunc(items, func(it T) bool { return key(it) == next }); i >= 0 {
		return i, nil
	}
	if len(items) == 0 {
		return 0, nil // all that was listed has gone since
	}
	return 0, ErrToken
}

const prefix = "turnout:"

// encode writes the length of the first key before both: keys may hold anything.
func encode(last, next string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(prefix + strconv.Itoa(len(last)) + ":" + last + next))
}

func decode(token string) (last, next string, err error) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	rest, ours := strings.CutPrefix(string(b), prefix)
	length, keys, _ := strings.Cut(rest, ":")
	n, bad := strconv.Atoi(length)
	if err != nil || !ours || bad != nil || n < 0 || n > len(keys) {
		return "", "", ErrToken
	}
	return keys[:n], keys[n:], nil
}
