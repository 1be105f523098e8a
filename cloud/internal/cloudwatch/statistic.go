package cloudwatch

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// statistic takes one number from a bucket; ok is false when the bucket cannot tell it.
type statistic func(b *bucket) (v float64, ok bool)

// statisticOf reads "Sum", "p99.9" and the like. ok is false for what CloudWatch does not
// know, or this cloud does not (trimmed means and their kin).
func statisticOf(name string) (f statistic, ok bool) {
	switch types.Statistic(name) {
	case types.StatisticSum:
		return func(b *bucket) (float64, bool) { return b.sum, true }, true
	case types.StatisticAverage:
		return func(b *bucket) (float64, bool) { return b.sum / b.count, true }, true
	case types.StatisticMinimum:
		return func(b *bucket) (float64, bool) { return b.min, true }, true
	case types.StatisticMaximum:
		return func(b *bucket) (float64, bool) { return b.max, true }, true
	case types.StatisticSampleCount:
		return func(b *bucket) (float64, bool) { return b.count, true }, true
	}
	digits, is := strings.CutPrefix(name, "p")
	q, err := strconv.ParseFloat(digits, 64)
	if !is || err != nil || q < 0 || q > 100 {
		return nil, false
	}
	return func(b *bucket) (float64, bool) { return b.quantile(q / 100) }, true
}
