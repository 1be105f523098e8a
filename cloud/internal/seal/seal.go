// Package seal keeps secrets unreadable in a cloud's state: what Parameter Store and
// Secrets Manager store is encrypted with AES-256-GCM under a key of the cloud's own.
//
// The key stands in the same store. It keeps secrets out of logs, dumps and searches of
// the state's rows, not from somebody who owns the whole state file.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"errors"
	"fmt"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// ErrBroken is returned for what was not sealed by this box under this name.
var ErrBroken = errors.New("seal: value is damaged, or not of this name")

// Box seals and opens. It is safe for concurrent use.
type Box struct{ aead cipher.AEAD }

// Open takes the cloud's key from the store, making it at the first time. Call it once
// per store.
func Open(st *store.Store) (*Box, error) {
	keys, err := store.NewTable[[]byte](st, "seal")
	if err != nil {
		return nil, fmt.Errorf("open seal: %w", err)
	}
	var key []byte
	err = st.Update(func(tx *store.Tx) error {
		var ok bool
		if key, ok = keys.Get(tx, "key"); !ok {
			key = make([]byte, 32)
			_, _ = rand.Read(key) // never fails since Go 1.24
			keys.Put(tx, "key", key)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("open seal: %w", err)
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("open seal: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	return &Box{aead}, err
}

// Seal encrypts plain for the thing that is called name.
func (b *Box) Seal(name string, plain []byte) []byte {
	return b.aead.Seal(nil, nil, plain, []byte(name))
}

// Open decrypts what Seal returned for the same name.
func (b *Box) Open(name string, sealed []byte) ([]byte, error) {
	plain, err := b.aead.Open(nil, nil, sealed, []byte(name))
	if err != nil {
		return nil, ErrBroken
	}
	return plain, nil
}
