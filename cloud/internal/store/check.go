package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"os"
)

// bbolt maps its file into memory and trusts what stands in it: of a damaged one it dies, by
// a panic or by touching what is not there, some of it in goroutines of its own where nobody
// can recover. So a file is read through before bbolt gets it, with bounds.
//
// A file is pages of one size. The first two are metas, of which the newer valid one tells
// the root page and how many pages are in use. A page has a header, then its elements, then
// keys and values without a gap. Branch pages lead to other pages, leaf pages have values: in
// the root bucket those are buckets, each a root page again or, when it is small, a page
// within the value. All numbers are in the machine's own order of bytes.
const (
	pageHeader   = 16 // id 8, flags 2, count 2, overflow 4
	metaSize     = 64 // magic 4, version 4, page size 4, flags 4, root 8, sequence 8, freelist 8, pages 8, txid 8, sum 8
	elementSize  = 16 // branch: pos 4, key size 4, page 8; leaf: flags 4, pos 4, key size 4, value size 4
	bucketHeader = 16 // root 8, sequence 8

	isBranch, isLeaf, isFreelist = 0x01, 0x02, 0x10

	boltMagic   = 0xED0CDAED
	boltVersion = 2
	noFreelist  = ^uint64(0)
	maxDepth    = 64 // of a tree whose branches fan out by two

	minPage, maxPage = 1 << 10, 1 << 16
)

var native = binary.NativeEndian

// meta is what a meta page says.
type meta struct{ pageSize, root, freelist, pages, txid uint64 }

// image is a file in memory while it is checked.
type image struct {
	b     []byte
	meta  meta
	seen  map[uint64]bool // pages that something leads to
	loose bool            // there are rows without a seal
}

// readThrough checks the file at path and returns the version of its form. An error that
// matches errDamaged or errNewer is about what stands in it.
func readThrough(path string) (form, error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, err
	}
	if !info.Mode().IsRegular() {
		return 0, errNoFile
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	if len(b) == 0 {
		return 0, fmt.Errorf("%w: it is empty", errDamaged)
	}
	im := &image{b: b, seen: map[uint64]bool{}}
	if im.meta, err = newestMeta(b); err != nil {
		return 0, err
	}
	if need := im.meta.pages * im.meta.pageSize; im.meta.pages > uint64(len(b)) || need > uint64(len(b)) {
		return 0, fmt.Errorf("%w: %d bytes are left of at least %d", errDamaged, len(b), need)
	}
	if err := im.freelist(); err != nil {
		return 0, err
	}
	version := form(1)
	err = im.tree(im.meta.root, 0, keyRange{}, func(name, value []byte, flags uint32) error {
		if flags != 1 {
			return errors.New("a value stands where a table should")
		}
		return im.table(string(name), value, &version)
	})
	if err == nil && im.loose && version > 1 {
		err = fmt.Errorf("%w: a row has lost its seal", errDamaged)
	}
	return version, err
}

// newestMeta is the valid meta of the later transaction, as bbolt chooses. One that is torn
// is what a crash leaves; its transaction was acknowledged to nobody.
func newestMeta(b []byte) (meta, error) {
	m, err := readMeta(b, 0)
	at := m.pageSize
	if err != nil { // the second one tells where it stands
		for at = minPage; at <= maxPage; at <<= 1 {
			var other error
			if m, other = readMeta(b, at); other == nil {
				return m.at(at)
			}
		}
		return meta{}, err
	}
	if m, err = m.at(at); err != nil {
		return meta{}, err
	}
	if second, err := readMeta(b, at); err == nil && second.txid > m.txid {
		return second.at(at)
	}
	return m, nil
}

// at holds a meta to the size of pages by which it was found.
func (m meta) at(size uint64) (meta, error) {
	if m.pageSize != size || size < minPage || size > maxPage || size&(size-1) != 0 {
		return meta{}, fmt.Errorf("%w: pages of %d bytes", errDamaged, m.pageSize)
	}
	return m, nil
}

func readMeta(b []byte, at uint64) (meta, error) {
	if uint64(len(b)) < at+pageHeader+metaSize {
		return meta{}, fmt.Errorf("%w: %d bytes are left", errDamaged, len(b))
	}
	b = b[at+pageHeader : at+pageHeader+metaSize]
	magic, version := native.Uint32(b), native.Uint32(b[4:])
	sum := fnv.New64a()
	_, _ = sum.Write(b[:metaSize-8]) // never fails
	switch {
	case magic != boltMagic:
		return meta{}, fmt.Errorf("%w: it does not begin as one does", errDamaged)
	case native.Uint64(b[metaSize-8:]) != sum.Sum64():
		return meta{}, fmt.Errorf("%w: its first page has changed", errDamaged)
	case version > boltVersion:
		return meta{}, fmt.Errorf("%w: its database has version %d", errNewer, version)
	case version < boltVersion:
		return meta{}, fmt.Errorf("%w: its database has version %d", errDamaged, version)
	}
	return meta{uint64(native.Uint32(b[8:])), native.Uint64(b[16:]), native.Uint64(b[32:]), native.Uint64(b[40:]), native.Uint64(b[48:])}, nil
}

// freelist holds for the list that a new file has, which is empty; later ones have none.
func (im *image) freelist() error {
	if im.meta.freelist == noFreelist {
		return nil
	}
	p, err := im.page(im.meta.freelist)
	if err == nil && (p.flags != isFreelist || p.count != 0 || len(p.b) != int(im.meta.pageSize)) {
		err = p.damaged("it should be an empty list of free pages")
	}
	return err
}

// page is one page: of the file, or within a value.
type page struct {
	id    uint64 // 0 within a value
	flags uint16
	count int
	b     []byte // all of it, with the pages that it overflows to
}

// page finds a page that nothing has led to before.
func (im *image) page(id uint64) (page, error) {
	if id < 2 || id >= im.meta.pages {
		return page{}, fmt.Errorf("%w: page %d of %d is referred to", errDamaged, id, im.meta.pages)
	}
	b := im.b[id*im.meta.pageSize:]
	p := page{id: id, flags: native.Uint16(b[8:]), count: int(native.Uint16(b[10:]))}
	over := uint64(native.Uint32(b[12:]))
	if native.Uint64(b) != id || id+over >= im.meta.pages {
		return p, p.damaged("its header has changed")
	}
	for i := id; i <= id+over; i++ {
		if im.seen[i] {
			return p, p.damaged("two others lead to it")
		}
		im.seen[i] = true
	}
	p.b = b[:(over+1)*im.meta.pageSize]
	return p, nil
}

func (p page) damaged(format string, args ...any) error {
	return p.spoilt(fmt.Errorf(format, args...))
}

func (p page) spoilt(err error) error {
	if errors.Is(err, errDamaged) || errors.Is(err, errNewer) {
		return err
	}
	return fmt.Errorf("%w: page %d: %w", errDamaged, p.id, err)
}

// keyRange bounds the keys below a branch; nil is no bound.
type keyRange struct{ from, below []byte }

// tree walks the pages below a root and calls leaf for each of their elements.
func (im *image) tree(id uint64, depth int, keys keyRange, leaf func(key, value []byte, flags uint32) error) error {
	p, err := im.page(id)
	switch {
	case err != nil:
		return err
	case depth > maxDepth:
		return p.damaged("it is too deep")
	case p.flags == isLeaf:
		return p.leaves(keys, leaf)
	case p.flags != isBranch || p.count == 0:
		return p.damaged("it is of an unknown kind")
	}
	branches, err := p.branches()
	if err != nil {
		return err
	}
	for i, br := range branches {
		below := keyRange{br.key, keys.below}
		if i+1 < len(branches) {
			below.below = branches[i+1].key
		}
		if !keys.has(br.key) || (below.below != nil && bytes.Compare(br.key, below.below) >= 0) {
			return p.damaged("its keys are out of order")
		}
		if err := im.tree(br.page, depth+1, below, leaf); err != nil {
			return err
		}
	}
	return nil
}

func (k keyRange) has(key []byte) bool {
	return (k.from == nil || bytes.Compare(key, k.from) >= 0) && (k.below == nil || bytes.Compare(key, k.below) < 0)
}

// branch is one element of a branch page.
type branch struct {
	key  []byte
	page uint64
}

func (p page) branches() ([]branch, error) {
	next := pageHeader + p.count*elementSize
	var out []branch
	for i := range p.count {
		at := pageHeader + i*elementSize
		if next > len(p.b) {
			return nil, p.damaged("it ends before its keys do")
		}
		e := p.b[at:]
		size := int(native.Uint32(e[4:]))
		if at+int(native.Uint32(e)) != next || size > len(p.b)-next {
			return nil, p.damaged("element %d has changed", i)
		}
		out = append(out, branch{p.b[next : next+size], native.Uint64(e[8:])})
		next += size
	}
	return out, nil
}

// leaves calls leaf for the page's elements.
func (p page) leaves(keys keyRange, leaf func(key, value []byte, flags uint32) error) error {
	next := pageHeader + p.count*elementSize
	var last []byte
	for i := range p.count {
		at := pageHeader + i*elementSize
		if next > len(p.b) {
			return p.damaged("it ends before its values do")
		}
		e := p.b[at:]
		flags, pos, ksize, vsize := native.Uint32(e), int(native.Uint32(e[4:])), int(native.Uint32(e[8:])), int(native.Uint32(e[12:]))
		if at+pos != next || ksize > len(p.b)-next || vsize > len(p.b)-next-ksize {
			return p.damaged("element %d has changed", i)
		}
		key, value := p.b[next:next+ksize], p.b[next+ksize:next+ksize+vsize]
		if !keys.has(key) || (i > 0 && bytes.Compare(last, key) >= 0) {
			return p.damaged("its keys are out of order")
		}
		if err := leaf(key, value, flags); err != nil {
			return p.spoilt(err)
		}
		last, next = key, next+ksize+vsize
	}
	return nil
}

// table checks the rows of a bucket.
func (im *image) table(name string, value []byte, version *form) error {
	row := func(key, value []byte, flags uint32) error {
		if flags != 0 {
			return fmt.Errorf("a table stands where row %q of table %s should", key, name)
		}
		im.loose = im.loose || !sealed(value)
		b, err := unseal(name, string(key), value)
		if err == nil && name == formTable {
			*version, err = parseForm(key, b)
		}
		return err
	}
	if len(value) < bucketHeader {
		return fmt.Errorf("table %s is cut", name)
	}
	if root := native.Uint64(value); root != 0 {
		return im.tree(root, 0, keyRange{}, row)
	}
	b := value[bucketHeader:]
	if len(b) < pageHeader || native.Uint16(b[8:]) != isLeaf {
		return fmt.Errorf("table %s is cut", name)
	}
	return page{flags: isLeaf, count: int(native.Uint16(b[10:])), b: b}.leaves(keyRange{}, row)
}
