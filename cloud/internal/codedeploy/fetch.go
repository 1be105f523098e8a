package codedeploy

import (
	"context"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
)

// readSpec gets the AppSpec where it is and parses it. What was in S3 when the deployment
// started is what it is deployed by to its end.
func (o *owner) readSpec(ctx context.Context) error {
	if o.spec.TaskDefinition != "" {
		return nil
	}
	if l := o.d.Revision.S3Location; l != nil && o.d.Content == "" {
		content, err := o.fetch(ctx, l)
		if err != nil {
			return err
		}
		if err := o.save(func(d *deployment) { d.Content = string(content) }); err != nil {
			return err
		}
	}
	var err error
	if o.spec, err = parseAppSpec(o.d.Content); err != nil {
		return failed(types.ErrorCodeInvalidRevision, "%s", err.Error())
	}
	return nil
}

// fetch reads a revision from S3, as the service role.
func (o *owner) fetch(ctx context.Context, l *types.S3Location) ([]byte, error) {
	if o.Objects == nil {
		return nil, failed(types.ErrorCodeRevisionMissing, invalidSpec+"There is no S3 to read s3://%s/%s from.", aws.ToString(l.Bucket), aws.ToString(l.Key))
	}
	content, etag, err := o.Objects.Object(ctx, aws.ToString(l.Bucket), aws.ToString(l.Key), aws.ToString(l.Version), specSize+1)
	var api smithy.APIError
	var d denial
	switch {
	case errors.As(err, &d):
		return nil, err
	case errors.As(err, &api):
		return nil, failed(types.ErrorCodeRevisionMissing, invalidSpec+"%s (Service: Amazon S3; Status Code: 404; Error Code: %s; Request ID: %s; Proxy: null)", api.ErrorMessage(), api.ErrorCode(), strings.ToUpper(ids.Hex(16)))
	case err != nil:
		return nil, err
	}
	if want := unquoted(aws.ToString(l.ETag)); want != "" && want != unquoted(etag) {
		return nil, failed(types.ErrorCodeInvalidRevision, invalidSpec+"The ETag of s3://%s/%s is %s, not %s as the revision says.", aws.ToString(l.Bucket), aws.ToString(l.Key), unquoted(etag), want)
	}
	if len(content) > specSize {
		return nil, failed(types.ErrorCodeInvalidRevision, invalidSpec+"s3://%s/%s is larger than %d bytes.", aws.ToString(l.Bucket), aws.ToString(l.Key), specSize)
	}
	if len(content) == 0 { // an empty content would be read again
		return nil, failed(types.ErrorCodeInvalidRevision, malformed)
	}
	return content, nil
}

// unquoted is an ETag without the quotes that it has in headers.
func unquoted(etag string) string { return strings.Trim(etag, `"`) }
