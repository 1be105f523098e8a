package session

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Types of messages.
const (
	typeInput  = "input_stream_data"
	typeOutput = "output_stream_data"
	typeAck    = "acknowledge"
	typeClosed = "channel_closed"
)

// Types of what a message carries.
const (
	payloadData              = 1
	payloadSize              = 3
	payloadHandshakeRequest  = 5
	payloadHandshakeResponse = 6
	payloadHandshakeComplete = 7
	payloadFlag              = 10
)

// flagTerminate asks for the session's end.
const flagTerminate = 2

// message is one message of a channel.
type message struct {
	Type     string
	Sequence int64
	Flags    uint64
	ID       [16]byte
	Payload  uint32 // what kind it is
	Body     []byte
}

// The layout: a header whose length comes first, all numbers big endian, and behind it the
// length of the body.
const (
	atType     = 4
	atVersion  = 36
	atCreated  = 40
	atSequence = 48
	atFlags    = 56
	atID       = 64
	atDigest   = 80
	atPayload  = 112
	headerSize = 116
)

// encode writes a message out. Ids go with their halves swapped.
func (m *message) encode() []byte {
	b := make([]byte, headerSize+4, headerSize+4+len(m.Body))
	binary.BigEndian.PutUint32(b, headerSize)
	copy(b[atType:atVersion], bytes.Repeat([]byte(" "), atVersion-atType))
	copy(b[atType:atVersion], m.Type)
	binary.BigEndian.PutUint32(b[atVersion:], 1)
	binary.BigEndian.PutUint64(b[atCreated:], uint64(time.Now().UnixMilli()))
	binary.BigEndian.PutUint64(b[atSequence:], uint64(m.Sequence))
	binary.BigEndian.PutUint64(b[atFlags:], m.Flags)
	copy(b[atID:], m.ID[8:])
	copy(b[atID+8:], m.ID[:8])
	digest := sha256.Sum256(m.Body)
	copy(b[atDigest:], digest[:])
	binary.BigEndian.PutUint32(b[atPayload:], m.Payload)
	binary.BigEndian.PutUint32(b[headerSize:], uint32(len(m.Body)))
	return append(b, m.Body...)
}

// decode reads a message and checks that it is whole.
func decode(b []byte) (message, error) {
	if len(b) < headerSize+4 {
		return message{}, errors.New("message too short")
	}
	header := int(binary.BigEndian.Uint32(b))
	if header < headerSize || header > len(b)-4 {
		return message{}, fmt.Errorf("message with a header of %d bytes", header)
	}
	m := message{
		Type:     strings.Trim(string(b[atType:atVersion]), " \x00"),
		Sequence: int64(binary.BigEndian.Uint64(b[atSequence:])),
		Flags:    binary.BigEndian.Uint64(b[atFlags:]),
		Payload:  binary.BigEndian.Uint32(b[atPayload:]),
		Body:     b[header+4:],
	}
	copy(m.ID[8:], b[atID:atID+8])
	copy(m.ID[:8], b[atID+8:atDigest])
	if digest := sha256.Sum256(m.Body); len(m.Body) > 0 && !bytes.Equal(digest[:], b[atDigest:atPayload]) {
		return message{}, errors.New("message whose checksum is wrong")
	}
	return m, nil
}

// newID is the id of a new message, a random UUID.
func newID() (id [16]byte) {
	_, _ = rand.Read(id[:]) // never fails
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return id
}

func text(id [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
