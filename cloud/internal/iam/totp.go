package iam

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // RFC 6238's, which every authenticator speaks
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

const (
	period = 30 // seconds that a code is shown
	drift  = 1  // codes that a device's clock may be off
)

// code is the nth code since 1970 (RFC 6238: six digits, SHA-1).
func (d *device) code(n int64) string {
	key, err := base32Seed.DecodeString(d.Seed)
	if err != nil {
		return "" // it was made here
	}
	h := hmac.New(sha1.New, key)
	_ = binary.Write(h, binary.BigEndian, n) // a hash takes everything
	sum := h.Sum(nil)
	at := sum[len(sum)-1] & 15
	return fmt.Sprintf("%06d", (binary.BigEndian.Uint32(sum[at:])&0x7fffffff)%1_000_000)
}

// use takes a code that the device shows about now and that was not used yet.
func (d *device) use(now time.Time, code string) bool {
	at := now.Unix() / period
	for n := at - drift; n <= at+drift; n++ {
		if n > d.Last && subtle.ConstantTimeCompare([]byte(d.code(n)), []byte(code)) == 1 {
			d.Last = n
			return true
		}
	}
	return false
}

// show takes two codes in a row.
func (d *device) show(now time.Time, one, two string) error {
	at := now.Unix() / period
	for n := at - drift - 1; n <= at+drift; n++ {
		if n > d.Last && d.code(n) == one && d.code(n+1) == two {
			d.Last = n + 1
			return nil
		}
	}
	return &types.InvalidAuthenticationCodeException{Message: text("Authentication code for device is not valid.")}
}
