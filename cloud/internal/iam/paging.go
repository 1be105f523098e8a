package iam

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/page"
)

const defaultPage = 100

// cut returns one page of a list and the marker of the next, nil on the last.
func cut[T any](items []T, key func(T) string, marker *string, size *int32) ([]T, *string, error) {
	n := int(aws.ToInt32(size))
	if n == 0 {
		n = defaultPage
	}
	part, next, err := page.Cut(items, key, aws.ToString(marker), n)
	if err != nil {
		return nil, nil, validation("Invalid Marker.")
	}
	if part == nil {
		part = []T{} // lists of the query protocol are never absent
	}
	if next == "" {
		return part, nil, nil
	}
	return part, &next, nil
}
