package ecr

import (
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/turnoutdev/turnout/cloud/internal/page"
)

const defaultPage = 100

// cut returns one page of a list operation and the token of the next, nil on the last.
func cut[T any](items []T, key func(T) string, token *string, limit *int32) ([]T, *string, error) {
	n := int(aws.ToInt32(limit))
	if n <= 0 {
		n = defaultPage
	}
	part, next, err := page.Cut(items, key, aws.ToString(token), n)
	if err != nil {
		return nil, nil, errToken()
	}
	if next == "" {
		return part, nil, nil
	}
	return part, &next, nil
}
