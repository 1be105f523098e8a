package wire

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"hash/crc32"
	"hash/crc64"
	"strings"
)

// crc64NVME is the polynomial of NVMe's CRC-64, reversed as hash/crc64 wants it.
const crc64NVME = 0x9a6c9329ac4bc9b5

// checksum is the flexible checksum that a trailer announces.
type checksum struct {
	header string // in lower case
	hash.Hash
}

// newChecksum returns the checksum that trailing header carries, nil if it is none.
func newChecksum(header string) *checksum {
	header = strings.ToLower(strings.TrimSpace(header))
	algorithm, ok := strings.CutPrefix(header, "x-amz-checksum-")
	if !ok {
		return nil
	}
	switch algorithm {
	case "crc32":
		return &checksum{header, crc32.NewIEEE()}
	case "crc32c":
		return &checksum{header, crc32.New(crc32.MakeTable(crc32.Castagnoli))}
	case "crc64nvme":
		return &checksum{header, crc64.New(crc64.MakeTable(crc64NVME))}
	case "sha1":
		return &checksum{header, sha1.New()}
	case "sha256":
		return &checksum{header, sha256.New()}
	}
	return nil
}

// check compares what was read with what the trailer said.
func (c *checksum) check(trailer string) error {
	if base64.StdEncoding.EncodeToString(c.Sum(nil)) == trailer {
		return nil
	}
	return failure("BadDigest", "The %s you specified did not match the calculated checksum.",
		strings.ToUpper(strings.TrimPrefix(c.header, "x-amz-checksum-")))
}
