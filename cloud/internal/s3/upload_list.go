package s3

import (
	"encoding/xml"
	"net/http"
	"strconv"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

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
