package s3

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"hash"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

const (
	maxParts = 10000

	composite  = "COMPOSITE"   // the checksum of the parts' checksums
	fullObject = "FULL_OBJECT" // the checksum of the bytes
)

func (x *request) createUpload() error {
	if len(x.key) > maxKey {
		return errKeyLong
	}
	tags, err := headerTags(x.r.Header)
	if err != nil {
		return err
	}
	sum, err := checksumOf(x.r.Header)
	if err != nil {
		return err
	}
	u := upload{ID: ids.Hex(64), Key: x.key, Began: x.s.Clock.Now().UTC(), Headers: headersOf(x.r.Header), Tags: tags}
	if sum != nil {
		u.Checksum, u.SumType = sum.header, x.r.Header.Get("X-Amz-Checksum-Type")
		if u.SumType == "" {
			u.SumType = composite
		}
		if strings.EqualFold(sum.name(), "CRC64NVME") {
			u.SumType = fullObject // the only type that it has
		}
		x.w.Header().Set("X-Amz-Checksum-Algorithm", sum.name())
		x.w.Header().Set("X-Amz-Checksum-Type", u.SumType)
	}
	err = x.s.Store.Update(func(tx *store.Tx) error {
		if _, ok := x.s.buckets.Get(tx, x.bucket); !ok {
			return errNoBucket
		}
		x.s.uploads.Put(tx, uploadKey(x.bucket, x.key, u.ID), u)
		return nil
	})
	if err != nil {
		return err
	}
	x.answer(http.StatusOK, struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ InitiateMultipartUploadResult"`
		Bucket  string
		Key     string
		ID      string `xml:"UploadId"`
	}{Bucket: x.bucket, Key: x.key, ID: u.ID})
	return nil
}

// current is the upload that the request is about.
func (x *request) current() (u upload, err error) {
	x.s.Store.View(func(tx *store.Tx) { u, err = x.pending(tx) })
	return u, err
}

func (x *request) pending(tx *store.Tx) (upload, error) {
	u, ok := x.s.uploads.Get(tx, uploadKey(x.bucket, x.key, x.q.Get("uploadId")))
	if !ok {
		return u, errNoUpload
	}
	return u, nil
}

// uploadPart stores a part, from the body or from an object.
func (x *request) uploadPart() error {
	n, err := strconv.Atoi(x.q.Get("partNumber"))
	if err != nil || n < 1 || n > maxParts {
		return badArgument("Part number must be an integer between 1 and 10000, inclusive")
	}
	u, err := x.current()
	if err != nil {
		return err
	}
	copied := x.r.Header.Get("X-Amz-Copy-Source") != ""
	b, err := x.part(u, copied)
	if err != nil {
		return err
	}
	p := part{File: b.file, Size: b.size, ETag: b.etag, Modified: x.s.Clock.Now().UTC(), Sum: b.sums[u.Checksum]}
	if err := x.keep(n, p); err != nil {
		return err
	}
	if copied {
		x.answer(http.StatusOK, struct {
			XMLName      xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CopyPartResult"`
			ETag         string
			LastModified string
		}{ETag: quoted(p.ETag), LastModified: instant(p.Modified)})
		return nil
	}
	for k, sum := range b.sums {
		x.w.Header().Set(k, sum)
	}
	x.w.Header().Set("ETag", quoted(p.ETag))
	x.w.WriteHeader(http.StatusOK)
	return nil
}

// part writes what a part is made of. It has the upload's checksum, if that has one.
func (x *request) part(u upload, copied bool) (blob, error) {
	r := x.r
	if copied {
		v, f, err := x.source()
		if err != nil {
			return blob{}, err
		}
		defer func() { _ = f.Close() }() // only read
		from, n, partial, err := rangeOf(x.r.Header.Get("X-Amz-Copy-Source-Range"), v.Size)
		if err != nil || !partial && x.r.Header.Get("X-Amz-Copy-Source-Range") != "" {
			return blob{}, badArgument("The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy")
		}
		r = &http.Request{Header: http.Header{}, Body: io.NopCloser(io.NewSectionReader(f, from, n))}
	}
	if sum, err := checksumOf(r.Header); u.Checksum != "" && err == nil && sum == nil {
		r = r.Clone(x.r.Context())
		r.Header.Set("X-Amz-Checksum-Algorithm", strings.TrimPrefix(u.Checksum, sumPrefix))
	}
	return x.s.write(r)
}

// keep stores a part's row, in the place of an earlier part of the number.
func (x *request) keep(n int, p part) error {
	var old string
	err := x.s.Store.Update(func(tx *store.Tx) error {
		u, err := x.pending(tx)
		if err != nil {
			return err
		}
		parts := map[int]part{n: p}
		for i, q := range u.Parts {
			if i == n {
				old = q.File
				continue
			}
			parts[i] = q
		}
		u.Parts = parts
		x.s.uploads.Put(tx, uploadKey(x.bucket, x.key, u.ID), u)
		return nil
	})
	if err != nil {
		return errors.Join(err, x.s.remove(p.File))
	}
	x.s.drop(old)
	return nil
}

// completion is one part as the caller lists it.
type completion struct {
	PartNumber int
	ETag       string
}

func (x *request) completeUpload() error {
	var in struct {
		Parts []completion `xml:"Part"`
	}
	if err := x.decode(&in); err != nil {
		return err
	}
	u, err := x.current()
	if err != nil {
		return err
	}
	parts, err := chosenParts(u, in.Parts)
	if err != nil {
		return err
	}
	v, err := x.join(u, parts)
	if err != nil {
		return err
	}
	if v, err = x.add(v, func(tx *store.Tx) error {
		if _, err := x.pending(tx); err != nil {
			return err
		}
		x.s.uploads.Delete(tx, uploadKey(x.bucket, x.key, u.ID))
		return nil
	}); err != nil {
		return err
	}
	type sums struct {
		XMLName xml.Name
		Value   string `xml:",chardata"`
	}
	doc := struct {
		XMLName  xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ CompleteMultipartUploadResult"`
		Location string
		Bucket   string
		Key      string
		ETag     string
		Sums     []sums
		SumType  string `xml:"ChecksumType,omitempty"`
	}{Location: "http://" + x.r.Host + x.r.URL.EscapedPath(), Bucket: x.bucket, Key: x.key, ETag: quoted(v.ETag), SumType: v.SumType}
	for _, s := range v.Sums {
		doc.Sums = append(doc.Sums, sums{xml.Name{Local: "Checksum" + v.algorithm()}, s})
	}
	x.answer(http.StatusOK, doc)
	for _, p := range u.Parts {
		x.s.drop(p.File)
	}
	return nil
}

// chosenParts are the parts that a caller listed.
func chosenParts(u upload, list []completion) ([]part, error) {
	if len(list) == 0 {
		return nil, errXML
	}
	var out []part
	last := 0
	for _, c := range list {
		p, ok := u.Parts[c.PartNumber]
		switch {
		case c.PartNumber <= last:
			return nil, errPartOrder
		case !ok || strings.Trim(c.ETag, `"`) != p.ETag:
			return nil, errPart
		}
		out, last = append(out, p), c.PartNumber
	}
	return out, nil
}

// join writes the object that parts make.
func (x *request) join(u upload, parts []part) (version, error) {
	j := &joined{dir: x.s.Dir}
	tags := md5.New()
	v := version{Headers: u.Headers, Tags: u.Tags, SumType: u.SumType}
	var whole, pieces hash.Hash
	if u.Checksum != "" {
		make := algorithms[strings.ToUpper(strings.TrimPrefix(u.Checksum, sumPrefix))]
		whole, pieces = make(), make()
	}
	for _, p := range parts {
		j.files, v.Parts = append(j.files, p.File), append(v.Parts, p.Size)
		sum, err := hex.DecodeString(p.ETag)
		tags.Write(sum)
		if pieces != nil {
			var s []byte
			s, err = base64.StdEncoding.DecodeString(p.Sum)
			pieces.Write(s)
		}
		if err != nil {
			return v, err
		}
	}
	var from io.Reader = j
	if whole != nil {
		from = io.TeeReader(j, whole)
	}
	b, err := x.s.store(from)
	if err = errors.Join(err, j.Close()); errors.Is(err, os.ErrNotExist) {
		return v, errNoUpload // completed or aborted by somebody else
	} else if err != nil {
		return v, err
	}
	count := "-" + strconv.Itoa(len(parts))
	v.File, v.Size, v.ETag = b.file, b.size, hex.EncodeToString(tags.Sum(nil))+count
	switch u.SumType {
	case composite:
		v.Sums = map[string]string{u.Checksum: base64.StdEncoding.EncodeToString(pieces.Sum(nil)) + count}
	case fullObject:
		v.Sums = map[string]string{u.Checksum: base64.StdEncoding.EncodeToString(whole.Sum(nil))}
	}
	if want := x.r.Header.Get(u.Checksum); u.Checksum != "" && want != "" && want != v.Sums[u.Checksum] {
		return v, errors.Join(&failure{status: 400, code: "BadDigest", message: "The " + v.algorithm() + " you specified did not match the calculated checksum."}, x.s.remove(b.file))
	}
	return v, nil
}

func (x *request) abortUpload() error {
	var files []string
	err := x.s.Store.Update(func(tx *store.Tx) error {
		u, err := x.pending(tx)
		if err != nil {
			return err
		}
		for _, p := range u.Parts {
			files = append(files, p.File)
		}
		x.s.uploads.Delete(tx, uploadKey(x.bucket, x.key, u.ID))
		return nil
	})
	if err != nil {
		return err
	}
	x.w.WriteHeader(http.StatusNoContent)
	x.s.drop(files...)
	return nil
}

func (x *request) listParts() error {
	l, err := x.listing("max-parts")
	if err != nil {
		return err
	}
	u, err := x.current()
	if err != nil {
		return err
	}
	type shown struct {
		PartNumber   int
		LastModified string
		ETag         string
		Size         int64
	}
	after, _ := strconv.Atoi(x.q.Get("part-number-marker")) // 0 is the beginning
	doc := struct {
		XMLName          xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListPartsResult"`
		Bucket           string
		Key              string
		UploadID         string `xml:"UploadId"`
		PartNumberMarker int
		NextMarker       int `xml:"NextPartNumberMarker,omitempty"`
		MaxParts         int
		IsTruncated      bool
		Initiator, Owner owner
		StorageClass     string
		Parts            []shown `xml:"Part"`
	}{
		Bucket: x.bucket, Key: l.name(x.key), UploadID: u.ID, PartNumberMarker: after, MaxParts: l.max,
		Initiator: x.s.owner(), Owner: x.s.owner(), StorageClass: version{Headers: u.Headers}.class(),
	}
	for n := after + 1; n <= maxParts; n++ {
		p, ok := u.Parts[n]
		if !ok {
			continue
		}
		if len(doc.Parts) == l.max {
			doc.IsTruncated = true
			break
		}
		doc.Parts, doc.NextMarker = append(doc.Parts, shown{n, instant(p.Modified), quoted(p.ETag), p.Size}), n
	}
	x.answer(http.StatusOK, doc)
	return nil
}

func (x *request) listUploads() error {
	l, err := x.listing("max-uploads")
	if err != nil {
		return err
	}
	var all []item
	x.s.Store.View(func(tx *store.Tx) {
		for _, u := range x.s.uploads.All(tx, objectKey(x.bucket, l.prefix)) {
			all = append(all, item{key: u.Key, id: u.ID, v: version{Modified: u.Began, Headers: u.Headers}})
		}
	})
	type shown struct {
		Key              string
		ID               string `xml:"UploadId"`
		Initiator, Owner owner
		StorageClass     string
		Initiated        string
	}
	marker, id := x.q.Get("key-marker"), x.q.Get("upload-id-marker")
	r := l.cut(all, marker, id)
	doc := struct {
		XMLName            xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ ListMultipartUploadsResult"`
		Bucket             string
		KeyMarker          string
		UploadIDMarker     string `xml:"UploadIdMarker"`
		NextKeyMarker      string `xml:"NextKeyMarker,omitempty"`
		NextUploadIDMarker string `xml:"NextUploadIdMarker,omitempty"`
		Prefix             string
		Delimiter          string `xml:"Delimiter,omitempty"`
		EncodingType       string `xml:"EncodingType,omitempty"`
		MaxUploads         int
		IsTruncated        bool
		Uploads            []shown `xml:"Upload"`
		CommonPrefixes     []commonPrefix
	}{
		Bucket: x.bucket, KeyMarker: l.name(marker), UploadIDMarker: id, Prefix: l.name(l.prefix), Delimiter: l.name(l.delimiter),
		EncodingType: l.encoding(), MaxUploads: l.max, IsTruncated: r.truncated, CommonPrefixes: l.shared(r.prefixes),
	}
	if r.truncated {
		doc.NextKeyMarker, doc.NextUploadIDMarker = l.name(r.last.key), r.last.id
	}
	for _, it := range r.items {
		doc.Uploads = append(doc.Uploads, shown{l.name(it.key), it.id, x.s.owner(), x.s.owner(), it.v.class(), instant(it.v.Modified)})
	}
	x.answer(http.StatusOK, doc)
	return nil
}
