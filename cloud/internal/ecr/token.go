package ecr

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/identity"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const (
	tokenLife    = 12 * time.Hour
	downloadLife = time.Hour
)

var (
	errNoToken = errors.New("not a token of this registry")
	errExpired = errors.New("token has expired")
)

// signer makes and reads passwords. Its key is made once and kept in the store.
type signer struct{ key []byte }

func newSigner(s *store.Store, keys store.Table[[]byte]) (*signer, error) {
	const name = "tokens"
	sg := &signer{}
	return sg, s.Update(func(tx *store.Tx) error {
		key, ok := keys.Get(tx, name)
		if !ok {
			key = make([]byte, sha256.Size)
			_, _ = rand.Read(key) // never fails since Go 1.24
			keys.Put(tx, name, key)
		}
		sg.key = key
		return nil
	})
}

// claim is what a password says.
type claim struct {
	Caller  identity.Caller `json:"caller,omitzero"`
	Blob    string          `json:"blob,omitempty"` // of a download URL: repository@digest
	Expires time.Time       `json:"expires"`
}

// sign makes a password of a claim: its JSON and a keyed hash, base64url.
func (s *signer) sign(c claim) (string, error) {
	b, err := json.Marshal(c)
	if err != nil {
		return "", err
	}
	enc := base64.RawURLEncoding
	return enc.EncodeToString(b) + "." + enc.EncodeToString(s.mac(b)), nil
}

func (s *signer) mac(b []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	_, _ = h.Write(b) // a hash takes everything
	return h.Sum(nil)
}

// read checks a password and returns its claim.
func (s *signer) read(password string, now time.Time) (c claim, err error) {
	body, mac, ok := strings.Cut(password, ".")
	b, err1 := base64.RawURLEncoding.DecodeString(body)
	m, err2 := base64.RawURLEncoding.DecodeString(mac)
	if !ok || err1 != nil || err2 != nil || !hmac.Equal(m, s.mac(b)) {
		return claim{}, errNoToken
	}
	if err := json.Unmarshal(b, &c); err != nil {
		return claim{}, errNoToken
	}
	if !now.Before(c.Expires) {
		return claim{}, errExpired
	}
	return c, nil
}
