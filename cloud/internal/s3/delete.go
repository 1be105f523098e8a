package s3

import (
	"encoding/xml"
	"net/http"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// removal is what a deletion came to.
type removal struct {
	id     string // of the version that went, or of the marker that came
	marker bool
	file   string
}

// erase deletes a version, or without an id the object: for good, or in a bucket with
// versions by a marker. What does not exist is deleted already.
func (s *Service) erase(tx *store.Tx, b bucket, key, id string, marker version) removal {
	o, ok := s.objects.Get(tx, objectKey(b.Name, key))
	var gone removal
	switch {
	case id != "":
		v, had := o.find(id)
		if !had {
			return removal{id: id}
		}
		gone = removal{id: id, marker: v.Marker}
		o, gone.file = o.without(id)
	case b.Versioning == "":
		if !ok {
			return removal{}
		}
		o, gone.file = o.without(null)
	default:
		marker.Marker = true
		o.Key = key
		o, marker, gone.file = push(b, o, marker)
		gone.id, gone.marker = marker.ID, true
	}
	if len(o.Versions) == 0 {
		s.objects.Delete(tx, objectKey(b.Name, key))
		return gone
	}
	s.objects.Put(tx, objectKey(b.Name, key), o)
	return gone
}

func (x *request) deleteObject() error {
	var gone removal
	err := x.s.Store.Update(func(tx *store.Tx) error {
		b, ok := x.s.buckets.Get(tx, x.bucket)
		if !ok {
			return errNoBucket
		}
		if want := x.r.Header.Get("If-Match"); want != "" {
			if err := x.mayWrite(first(x.s.objects.Get(tx, objectKey(x.bucket, x.key)))); err != nil {
				return err
			}
		}
		gone = x.s.erase(tx, b, x.key, x.q.Get("versionId"), version{Modified: x.s.Clock.Now().UTC()})
		return nil
	})
	if err != nil {
		return err
	}
	if gone.id != "" {
		x.w.Header().Set("X-Amz-Version-Id", gone.id)
	}
	if gone.marker {
		x.w.Header().Set("X-Amz-Delete-Marker", "true")
	}
	x.w.WriteHeader(http.StatusNoContent)
	x.s.drop(gone.file)
	return nil
}

func first[A, B any](a A, _ B) A { return a }

const maxDelete = 1000

// deleteObjects deletes up to a thousand objects in one call.
func (x *request) deleteObjects() error {
	var in struct {
		Quiet   bool
		Objects []struct {
			Key     string
			Version string `xml:"VersionId"`
		} `xml:"Object"`
	}
	if err := x.decode(&in); err != nil {
		return err
	}
	if len(in.Objects) == 0 || len(in.Objects) > maxDelete {
		return errXML
	}
	type deleted struct {
		Key                   string
		VersionID             string `xml:"VersionId,omitempty"`
		DeleteMarker          bool   `xml:"DeleteMarker,omitempty"`
		DeleteMarkerVersionID string `xml:"DeleteMarkerVersionId,omitempty"`
	}
	type refused struct{ Key, Code, Message string }
	doc := struct {
		XMLName xml.Name  `xml:"http://s3.amazonaws.com/doc/2006-03-01/ DeleteResult"`
		Deleted []deleted `xml:"Deleted"`
		Errors  []refused `xml:"Error"`
	}{}
	var files []string
	allowed := in.Objects[:0:0]
	for _, o := range in.Objects { // before the transaction: whoever decides reads the store
		action := "DeleteObject"
		if o.Version != "" {
			action = "DeleteObjectVersion"
		}
		if err := x.permit(action, x.bucket, o.Key); err != nil {
			doc.Errors = append(doc.Errors, refused{o.Key, "AccessDenied", err.Error()})
			continue
		}
		allowed = append(allowed, o)
	}
	err := x.s.Store.Update(func(tx *store.Tx) error {
		b, ok := x.s.buckets.Get(tx, x.bucket)
		if !ok {
			return errNoBucket
		}
		for _, o := range allowed {
			gone := x.s.erase(tx, b, o.Key, o.Version, version{Modified: x.s.Clock.Now().UTC()})
			files = append(files, gone.file)
			d := deleted{Key: o.Key, VersionID: o.Version, DeleteMarker: gone.marker}
			if gone.marker {
				d.DeleteMarkerVersionID = gone.id
			}
			if !in.Quiet {
				doc.Deleted = append(doc.Deleted, d)
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	x.s.drop(files...)
	x.answer(http.StatusOK, doc)
	return nil
}
