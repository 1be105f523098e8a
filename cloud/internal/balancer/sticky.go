package balancer

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"net/netip"
	"strings"
	"time"
)

// token stands for a target, or for a target group, in cookies.
type token [16]byte

func tokenOf(group string, addr netip.AddrPort) (t token) {
	sum := sha256.Sum256([]byte(group + " " + addr.String()))
	copy(t[:], sum[:])
	return t
}

// score is how much a client belongs to a target.
func (t token) score(client netip.Addr) uint64 {
	a := client.As16()
	x := binary.BigEndian.Uint64(t[:]) ^ binary.BigEndian.Uint64(a[:8])
	return mix(mix(x) ^ binary.BigEndian.Uint64(a[8:]))
}

// Names of the cookies. Browsers send the one ending in CORS across sites, too.
const (
	groupCookie  = "AWSALBTG"
	targetCookie = "AWSALB"
	appCookie    = "AWSALBAPP-0"
	cors         = "CORS"
	cookieLife   = 7 * 24 * time.Hour // of the cookie itself; the stickiness is within it
)

// sealed is a cookie's value: whom it means and until when.
func (t token) sealed(until time.Time) string {
	b := binary.BigEndian.AppendUint64(t[:], uint64(until.Unix()))
	return base64.StdEncoding.EncodeToString(b)
}

// unseal reads a cookie's value; expired and foreign ones are none.
func unseal(v string, now time.Time) (t token, ok bool) {
	b, err := base64.StdEncoding.DecodeString(v)
	if err != nil || len(b) != len(t)+8 {
		return t, false
	}
	copy(t[:], b)
	return t, now.Unix() < int64(binary.BigEndian.Uint64(b[len(t):]))
}

// cookie finds the named cookie that stands for someone, under either of its names.
func cookie(q query, name string, now time.Time) (token, bool) {
	for _, v := range cookies(q, name) {
		if t, ok := unseal(v, now); ok {
			return t, true
		}
	}
	for _, v := range cookies(q, name+cors) {
		if t, ok := unseal(v, now); ok {
			return t, true
		}
	}
	return token{}, false
}

// cookies returns the values of all cookies of a name.
func cookies(q query, name string) (out []string) {
	for _, line := range q.header("Cookie") {
		for pair := range strings.SplitSeq(line, ";") {
			if k, v, ok := strings.Cut(strings.TrimSpace(pair), "="); ok && k == name {
				out = append(out, v)
			}
		}
	}
	return out
}

// setCookies are the Set-Cookie values that bind a client for life.
func setCookies(name string, t token, life time.Duration, now time.Time) []string {
	v := name + "=" + t.sealed(now.Add(life))
	attributes := "; Expires=" + now.Add(cookieLife).UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT") + "; Path=/"
	if name == appCookie {
		return []string{v + attributes}
	}
	w := name + cors + v[len(name):]
	return []string{v + attributes, w + attributes + "; SameSite=None; Secure"}
}
