package s3

import (
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// lookup finds a version of an object that can be read.
func (s *Service) lookup(bucket, key, id string) (v version, err error) {
	s.Store.View(func(tx *store.Tx) {
		if _, ok := s.buckets.Get(tx, bucket); !ok {
			err = errNoBucket
			return
		}
		o, _ := s.objects.Get(tx, objectKey(bucket, key))
		v, err = chosen(o, id)
	})
	return v, err
}

// open opens what lookup finds. A version whose file goes meanwhile is looked up again.
func (s *Service) open(bucket, key, id string) (version, *os.File, error) {
	for {
		v, err := s.lookup(bucket, key, id)
		if err != nil {
			return v, nil, err
		}
		f, err := os.Open(filepath.Join(s.Dir, v.File))
		if err == nil {
			return v, f, nil
		}
		if now, again := s.lookup(bucket, key, id); again == nil && now.File == v.File {
			return v, nil, fmt.Errorf("read object: %w", err)
		}
	}
}

// chosen is the version of an object that a reader means: the newest for "".
func chosen(o object, id string) (version, error) {
	v, ok := o.find(id)
	switch {
	case !ok && id != "":
		return v, errNoVersion
	case !ok:
		return v, errNoKey
	case v.Marker && id == "":
		return v, &failure{status: errNoKey.status, code: errNoKey.code, message: errNoKey.message, marker: v.ID}
	case v.Marker:
		return v, &failure{status: errMethod.status, code: errMethod.code, message: errMethod.message, marker: v.ID}
	}
	return v, nil
}

// overrides are the headers of an answer that the caller of a GET may choose.
var overrides = []string{"Content-Type", "Content-Language", "Expires", "Cache-Control", "Content-Disposition", "Content-Encoding"}

func (x *request) getObject() error {
	v, f, err := x.s.open(x.bucket, x.key, x.q.Get("versionId"))
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // only read
	h := x.w.Header()
	h.Set("ETag", quoted(v.ETag))
	h.Set("Last-Modified", v.Modified.UTC().Format(http.TimeFormat))
	if b, err := x.s.bucketOf(x.bucket); err == nil && b.Versioning != "" {
		h.Set("X-Amz-Version-Id", v.ID)
	}
	if err := conditions(x.r.Header, v); err != nil {
		return err
	}
	from, n, partial, err := x.extent(v)
	if err != nil {
		h.Set("Content-Range", "bytes */"+strconv.FormatInt(v.Size, 10))
		return err
	}
	if _, err := f.Seek(from, io.SeekStart); err != nil {
		return err
	}
	x.describe(v, partial)
	h.Set("Accept-Ranges", "bytes")
	h.Set("Content-Length", strconv.FormatInt(n, 10))
	status := http.StatusOK
	if partial {
		status = http.StatusPartialContent
		h.Set("Content-Range", "bytes "+strconv.FormatInt(from, 10)+"-"+strconv.FormatInt(from+n-1, 10)+"/"+strconv.FormatInt(v.Size, 10))
	}
	x.w.WriteHeader(status)
	if x.r.Method == http.MethodGet {
		_, _ = io.CopyN(x.w, f, n) // the length is told: who gets less knows
	}
	return nil
}

// describe sets the headers that tell about an object.
func (x *request) describe(v version, partial bool) {
	h := x.w.Header()
	for k, value := range v.Headers {
		if strings.HasPrefix(k, metaPrefix) { // whose case clients show to their callers
			h[strings.ToLower(k)] = []string{value}
			continue
		}
		h.Set(k, value)
	}
	for _, k := range overrides {
		if o := x.q.Get("response-" + strings.ToLower(k)); o != "" {
			h.Set(k, o)
		}
	}
	if len(v.Tags) > 0 {
		h.Set("X-Amz-Tagging-Count", strconv.Itoa(len(v.Tags)))
	}
	if x.r.Header.Get("X-Amz-Checksum-Mode") == "ENABLED" && !partial {
		v.showSums(h)
	}
}

// showSums tells a version's checksum, and of what it is one.
func (v version) showSums(h http.Header) {
	for k, sum := range v.Sums {
		h.Set(k, sum)
		h.Set("X-Amz-Checksum-Type", fullObject)
		if v.SumType != "" {
			h.Set("X-Amz-Checksum-Type", v.SumType)
		}
	}
}

// extent is what a read wants of an object: all, a range, or a part of a multipart upload.
func (x *request) extent(v version) (from, n int64, partial bool, err error) {
	if !x.q.Has("partNumber") {
		return rangeOf(x.r.Header.Get("Range"), v.Size)
	}
	number, err := strconv.Atoi(x.q.Get("partNumber"))
	parts := v.Parts
	if len(parts) == 0 {
		parts = []int64{v.Size}
	}
	switch {
	case err != nil || number < 1 || number > maxParts:
		return 0, 0, false, badArgument("Part number must be an integer between 1 and 10000, inclusive")
	case number > len(parts):
		return 0, 0, false, &failure{status: 416, code: "InvalidPartNumber", message: "The requested partnumber is not satisfiable"}
	}
	if len(v.Parts) > 0 {
		x.w.Header().Set("X-Amz-Mp-Parts-Count", strconv.Itoa(len(parts)))
	}
	for _, size := range parts[:number-1] {
		from += size
	}
	return from, parts[number-1], v.Size > 0, nil
}

// conditions checks the conditions of a read, in the order of RFC 9110.
func conditions(h http.Header, v version) error {
	modified := v.Modified.Truncate(time.Second)
	if want := h.Get("If-Match"); want != "" {
		if !anyTag(want, v.ETag) {
			return errCondition
		}
	} else if t, err := http.ParseTime(h.Get("If-Unmodified-Since")); err == nil && modified.After(t) {
		return errCondition
	}
	if not := h.Get("If-None-Match"); not != "" {
		if anyTag(not, v.ETag) {
			return errUnchanged
		}
	} else if t, err := http.ParseTime(h.Get("If-Modified-Since")); err == nil && !modified.After(t) {
		return errUnchanged
	}
	return nil
}

// anyTag tells whether a list of entity tags has this one.
func anyTag(list, etag string) bool {
	for t := range strings.SplitSeq(list, ",") {
		if t = strings.TrimSpace(t); t == "*" || strings.Trim(strings.TrimPrefix(t, "W/"), `"`) == etag {
			return true
		}
	}
	return false
}

// rangeOf reads a Range header of one range; others, and broken ones, mean the whole, as
// on S3.
func rangeOf(header string, size int64) (from, n int64, partial bool, err error) {
	spec, ok := strings.CutPrefix(header, "bytes=")
	first, last, ok2 := strings.Cut(spec, "-")
	if !ok || !ok2 {
		return 0, size, false, nil
	}
	a, errA := strconv.ParseInt(first, 10, 64)
	b, errB := strconv.ParseInt(last, 10, 64)
	switch {
	case first == "" && errB == nil && b >= 0: // the last b bytes
		if b == 0 || size == 0 {
			return 0, 0, false, errRange
		}
		b = min(b, size)
		return size - b, b, true, nil
	case errA != nil || a < 0 || (last != "" && (errB != nil || b < a)):
		return 0, size, false, nil
	case a >= size:
		return 0, 0, false, errRange
	}
	if last == "" || b >= size {
		b = size - 1
	}
	return a, b - a + 1, true, nil
}
