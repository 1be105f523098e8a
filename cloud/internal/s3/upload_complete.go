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

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

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
	x.answerCompleted(v)
	for _, p := range u.Parts {
		x.s.drop(p.File)
	}
	return nil
}

func (x *request) answerCompleted(v version) {
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
