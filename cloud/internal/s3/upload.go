package s3

import (
	"encoding/xml"
	"errors"
	"io"
	"net/http"
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
