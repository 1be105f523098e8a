package balancer

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

// maxForwarded is how many addresses X-Forwarded-For may bring.
const maxForwarded = 30

func forwardedTooOften(values []string) bool {
	n := 0
	for _, v := range values {
		n += strings.Count(v, ",") + 1
	}
	return n > maxForwarded
}

// appendTrace appends the value of X-Amzn-Trace-Id for a request that came with the given
// one. A root is kept, and this load balancer tells itself by Self; other fields are kept.
func appendTrace(dst, came []byte) []byte {
	var kept [][]byte
	rooted := false
	for field := range bytes.SplitSeq(came, []byte{';'}) {
		field = bytes.TrimSpace(field)
		if len(field) == 0 || bytes.HasPrefix(field, []byte("Self=")) {
			continue
		}
		rooted = rooted || bytes.HasPrefix(field, []byte("Root="))
		kept = append(kept, field)
	}
	if rooted {
		dst = append(dst, "Self="...)
	} else {
		dst = append(dst, "Root="...)
	}
	dst = appendTraceID(dst)
	for _, field := range kept {
		dst = append(append(dst, ';'), field...)
	}
	return dst
}

// appendTraceID appends version 1, the time, and 96 random bits.
func appendTraceID(dst []byte) []byte {
	var id [16]byte
	binary.BigEndian.PutUint32(id[:4], uint32(time.Now().Unix()))
	_, _ = rand.Read(id[4:]) // never fails
	dst = append(dst, "1-"...)
	dst = hex.AppendEncode(dst, id[:4])
	dst = append(dst, '-')
	return hex.AppendEncode(dst, id[4:])
}

// hostOf is the Host that a target gets, given the client's and what became of it.
func (r *routes) hostOf(came, host string) string {
	bare := withoutPort(came)
	port := came[len(bare):]
	if host == "" {
		host = bare
	}
	switch {
	case r.http.PreserveHost || len(port) > 1 && r.hostPort != nil:
		return host + port
	case came == "":
		return ""
	}
	return host + string(r.hostPort)
}

// withoutPort is a Host header's host alone.
func withoutPort(host string) string {
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.HasSuffix(host, "]") {
		return host[:i]
	}
	return host
}
