package elbv2

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/page"
)

const maxPage = 400

// cut returns one page of a describe operation and the marker of the next.
func cut[T any](items []T, key func(T) string, marker *string, size *int32) ([]T, *string, error) {
	n := aws.ToInt32(size)
	if size != nil && (n < 1 || n > maxPage) {
		return nil, nil, validation("Page size '%d' must be between '1' and '%d' inclusive", n, maxPage)
	}
	if n == 0 {
		n = maxPage
	}
	part, next, err := page.Cut(items, key, aws.ToString(marker), int(n))
	if err != nil {
		return nil, nil, validation("Invalid marker '%s'", aws.ToString(marker))
	}
	if next == "" {
		return part, nil, nil
	}
	return part, &next, nil
}
