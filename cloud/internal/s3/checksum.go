package s3

import (
	"crypto/sha1"
	"crypto/sha256"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"net/http"
	"strings"
)

// crc64NVME is the polynomial of NVMe's CRC-64, reversed as hash/crc64 wants it.
const crc64NVME = 0x9a6c9329ac4bc9b5

var algorithms = map[string]func() hash.Hash{
	"CRC32":     func() hash.Hash { return crc32.NewIEEE() },
	"CRC32C":    func() hash.Hash { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) },
	"CRC64NVME": func() hash.Hash { return crc64.New(crc64.MakeTable(crc64NVME)) },
	"SHA1":      sha1.New,
	"SHA256":    sha256.New,
}

// sumPrefix begins the headers of checksums.
const sumPrefix = "X-Amz-Checksum-"

// checksumOf returns the checksum that a request carries, announces in a trailer, or asks
// for; nil if none.
func checksumOf(h http.Header) (*digest, error) {
	name := h.Get("X-Amz-Sdk-Checksum-Algorithm")
	if name == "" {
		name = h.Get("X-Amz-Checksum-Algorithm")
	}
	if t, ok := strings.CutPrefix(strings.ToLower(h.Get("X-Amz-Trailer")), "x-amz-checksum-"); ok {
		name = t
	}
	for a := range algorithms {
		if h.Get("X-Amz-Checksum-"+a) != "" {
			name = a
		}
	}
	if name == "" {
		return nil, nil
	}
	newHash, ok := algorithms[strings.ToUpper(name)]
	if !ok {
		return nil, badArgument("Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, CRC64NVME, SHA1, SHA256]")
	}
	return &digest{http.CanonicalHeaderKey(sumPrefix + name), newHash()}, nil
}

// name is the algorithm.
func (d *digest) name() string { return strings.ToUpper(strings.TrimPrefix(d.header, sumPrefix)) }

func (d *digest) mismatch() error {
	return &failure{status: 400, code: "BadDigest", message: "The " + d.name() + " you specified did not match the calculated checksum."}
}
