package cloudwatch

import (
	"maps"
	"math"
	"slices"
)

// bucket sums up the values of one metric in one slice of time.
type bucket struct {
	start                int64 // in seconds since 1970
	count, sum, min, max float64
	shape                map[int16]float64 // counts of values by logarithm, for percentiles; nil when unknown
	opaque               bool              // holds a statistic set, whose values are unknown
}

// add takes in n values of v.
func (b *bucket) add(v, n float64) {
	b.merge(bucket{count: n, sum: v * n, min: v, max: v, shape: map[int16]float64{class(v): n}})
}

// merge takes in another bucket's values.
func (b *bucket) merge(o bucket) {
	if o.count == 0 {
		return
	}
	if b.count == 0 {
		b.min, b.max = o.min, o.max
	}
	b.count, b.sum = b.count+o.count, b.sum+o.sum
	b.min, b.max = min(b.min, o.min), max(b.max, o.max)
	b.opaque = b.opaque || o.opaque
	if b.shape == nil {
		b.shape = make(map[int16]float64, len(o.shape))
	}
	for c, n := range o.shape {
		b.shape[c] += n
	}
}

// step is the width of a class of values: two neighbours differ by one percent.
var step = math.Log(1.01)

// class numbers a value by its logarithm, with its sign; values too small to tell are 0.
func class(v float64) int16 {
	a := math.Abs(v)
	if a < 1e-60 {
		return 0
	}
	c := int16(min(max(math.Round(math.Log(a)/step), -14000), 14000)) + 15000
	if v < 0 {
		return -c
	}
	return c
}

// value is a class's representative.
func value(c int16) float64 {
	switch {
	case c == 0:
		return 0
	case c < 0:
		return -math.Exp(float64(-c-15000) * step)
	}
	return math.Exp(float64(c-15000) * step)
}

// quantile is the value that the share q (0 to 1) of the bucket's values does not exceed.
// Statistic sets have none, unless all their values are the same.
func (b *bucket) quantile(q float64) (float64, bool) {
	if b.count == 0 || (b.opaque && b.min != b.max) {
		return 0, false
	}
	left := q * b.count
	for _, c := range slices.Sorted(maps.Keys(b.shape)) {
		if left -= b.shape[c]; left <= 0 {
			return min(max(value(c), b.min), b.max), true
		}
	}
	return b.max, true
}
