package cloudwatch

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// What is kept at most.
const (
	retention  = 3 * time.Hour
	maxSeries  = 2000
	maxBuckets = 720
)

// metric names one metric.
type metric struct {
	namespace, name string
	dims            map[string]string
}

// key is the same for the same metric, and for no other.
func (m metric) key() string {
	var b strings.Builder
	b.WriteString(m.namespace + "\x00" + m.name)
	for _, k := range slices.Sorted(maps.Keys(m.dims)) {
		b.WriteString("\x00" + k + "\x00" + m.dims[k])
	}
	return b.String()
}

// series is a metric with its buckets, in order of time.
type series struct {
	metric
	unit    string
	buckets []bucket
	last    time.Time // when it was last written
}

// metrics holds all series. Its zero value is not ready; width is the width of a bucket.
type metrics struct {
	mu    sync.RWMutex
	width int64 // seconds
	all   map[string]*series
}

// record takes in the values that b sums up, which were measured at the given time.
func (ms *metrics) record(m metric, unit string, at, now time.Time, b bucket) {
	ms.mu.Lock()
	defer ms.mu.Unlock()
	key := m.key()
	s := ms.all[key]
	if s == nil {
		ms.makeRoom()
		s = &series{metric: m}
		s.dims = maps.Clone(m.dims)
		ms.all[key] = s
	}
	s.last = now
	if unit != "" {
		s.unit = unit
	}
	s.expire(now)
	b.start = at.Unix() / ms.width * ms.width
	i, ok := slices.BinarySearchFunc(s.buckets, b.start, func(b bucket, t int64) int { return int(b.start - t) })
	if !ok {
		s.buckets = slices.Insert(s.buckets, i, bucket{start: b.start})
	}
	s.buckets[i].merge(b)
}

// expire forgets what is too old, or too much.
func (s *series) expire(now time.Time) {
	oldest := now.Add(-retention).Unix()
	n := 0
	for n < len(s.buckets) && s.buckets[n].start < oldest {
		n++
	}
	n = max(n, len(s.buckets)-maxBuckets+1)
	if n > 0 {
		s.buckets = slices.Delete(s.buckets, 0, n)
	}
}

// makeRoom forgets the series that nobody has written for the longest time, if there are
// too many.
func (ms *metrics) makeRoom() {
	if len(ms.all) < maxSeries {
		return
	}
	stalest := ""
	for k, s := range ms.all {
		if stalest == "" || s.last.Before(ms.all[stalest].last) {
			stalest = k
		}
	}
	delete(ms.all, stalest)
}

// periods sums a metric up by periods (in seconds): those that begin at from or later and
// before to. Periods without values are absent.
func (ms *metrics) periods(m metric, from, to, period int64) (sums []bucket, unit string) {
	ms.mu.RLock()
	defer ms.mu.RUnlock()
	s := ms.all[m.key()]
	if s == nil {
		return nil, ""
	}
	for _, b := range s.buckets {
		if b.start < from || b.start >= to {
			continue
		}
		start := from + (b.start-from)/period*period
		if n := len(sums); n == 0 || sums[n-1].start != start {
			sums = append(sums, bucket{start: start})
		}
		sums[len(sums)-1].merge(b)
	}
	return sums, s.unit
}

// list returns the metrics, in order, that match accepts.
func (ms *metrics) list(match func(*series) bool) []metric {
	ms.mu.RLock()
	defer ms.mu.RUnlock()
	var out []metric
	for _, k := range slices.Sorted(maps.Keys(ms.all)) {
		if match(ms.all[k]) {
			out = append(out, ms.all[k].metric)
		}
	}
	return out
}
