package codec

import (
	"encoding/binary"
	"math"
)

// cborScanner walks over CBOR data items. Like jsonScanner it stands at the end after an error.
type cborScanner struct {
	track
	src []byte
	pos int
}

// cborHead is the start of a data item.
type cborHead struct {
	major byte
	info  byte   // the low five bits
	arg   uint64 // length, value or bits
	open  bool   // of indefinite length, or a break
}

func (d *cborScanner) fail(format string, args ...any) {
	d.track.fail(format, args...)
	d.pos = len(d.src)
}

func (d *cborScanner) take(n uint64) []byte {
	if n > uint64(len(d.src)-d.pos) {
		d.fail("Unexpected end of input.")
		return nil
	}
	b := d.src[d.pos : d.pos+int(n)]
	d.pos += int(n)
	return b
}

// head reads an item's head, which may be a tag.
func (d *cborScanner) head() cborHead {
	first := d.take(1)
	if first == nil {
		return cborHead{}
	}
	h := cborHead{major: first[0] & 0xe0, info: first[0] & 0x1f}
	switch {
	case h.info < 24:
		h.arg = uint64(h.info)
	case h.info <= 27:
		if b := d.take(1 << (h.info - 24)); b != nil {
			h.arg = bigEndian(b)
		}
	case h.info == 31:
		h.open = true
	default:
		d.fail("Malformed CBOR at offset %d.", d.pos-1)
	}
	return h
}

func bigEndian(b []byte) uint64 {
	var full [8]byte
	copy(full[8-len(b):], b)
	return binary.BigEndian.Uint64(full[:])
}

// untagged reads the head of the next item that is no tag, and the last tag before it.
func (d *cborScanner) untagged() (h cborHead, tag uint64) {
	for d.err == nil {
		h = d.head()
		if h.major != cborTag || h.open {
			return h, tag
		}
		tag = h.arg
	}
	return cborHead{}, 0
}

func (h cborHead) isNull() bool {
	return h.major == cborSimple && (h.info == 22 || h.info == 23)
}

func (h cborHead) isBreak() bool { return h.major == cborSimple && h.open }

// chunk reads the content of a string whose head was read, joining its pieces if it came in some.
func (d *cborScanner) chunk(h cborHead) []byte {
	if !h.open {
		return d.take(h.arg)
	}
	var all []byte
	for d.err == nil {
		piece := d.head()
		if piece.isBreak() {
			return all
		}
		if piece.major != h.major || piece.open {
			d.fail("Malformed CBOR string.")
			return nil
		}
		all = append(all, d.take(piece.arg)...)
	}
	return nil
}

// float returns the value of a number of any sort.
func (h cborHead) float() (float64, bool) {
	switch h.major {
	case cborUint:
		return float64(h.arg), true
	case cborNegInt:
		return -1 - float64(h.arg), true
	case cborSimple:
		switch h.info {
		case 25:
			return halfFloat(uint16(h.arg)), true
		case 26:
			return float64(math.Float32frombits(uint32(h.arg))), true
		case 27:
			return math.Float64frombits(h.arg), true
		}
	}
	return 0, false
}

// halfFloat reads IEEE 754 binary16.
func halfFloat(b uint16) float64 {
	exp, mant := int(b>>10&0x1f), float64(b&0x3ff)
	var f float64
	switch exp {
	case 0:
		f = math.Ldexp(mant, -24)
	case 31:
		f = math.Inf(1)
		if mant != 0 {
			f = math.NaN()
		}
	default:
		f = math.Ldexp(mant+1024, exp-25)
	}
	if b&0x8000 != 0 {
		return -f
	}
	return f
}

// each calls f for every element of the array or map whose head was read, with the number
// of the element. f must read the element, for maps key and value.
func (d *cborScanner) each(h cborHead, f func(i int)) {
	if !d.nest() {
		return
	}
	for i := 0; d.err == nil; i++ {
		if !h.open && uint64(i) >= h.arg {
			break
		}
		if h.open && d.pos < len(d.src) && d.src[d.pos] == cborBreak {
			d.pos++
			break
		}
		f(i)
	}
	d.depth--
}

// skip passes over the item whose head was read.
func (d *cborScanner) skip(h cborHead) {
	switch h.major {
	case cborBytes, cborText:
		d.chunk(h)
	case cborArray:
		d.each(h, func(int) { d.skipNext() })
	case cborMap:
		d.each(h, func(int) { d.skipNext(); d.skipNext() })
	case cborSimple:
		if h.open {
			d.fail("Unexpected break.")
		}
	}
}

func (d *cborScanner) skipNext() {
	h, _ := d.untagged()
	d.skip(h)
}

// key reads a map's key.
func (d *cborScanner) key() string {
	h, _ := d.untagged()
	if h.major != cborText {
		d.fail("Expected a text key.")
		return ""
	}
	return string(d.chunk(h))
}
