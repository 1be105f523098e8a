package awsclient

import (
	"bytes"
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// RegisterTaskDefinition sends document, a JSON object, as the request's body unchanged:
// the SDK signs, retries and decodes, but its own serialisation, which would drop every
// field newer than itself, is replaced.
func RegisterTaskDefinition(ctx context.Context, client *ecs.Client, document []byte) (*ecs.RegisterTaskDefinitionOutput, error) {
	raw := middleware.SerializeMiddlewareFunc("RawDocument", func(ctx context.Context, in middleware.SerializeInput, next middleware.SerializeHandler) (middleware.SerializeOutput, middleware.Metadata, error) {
		req, ok := in.Request.(*smithyhttp.Request)
		if !ok {
			return middleware.SerializeOutput{}, middleware.Metadata{}, fmt.Errorf("unknown transport %T", in.Request)
		}
		req, err := req.SetStream(bytes.NewReader(document))
		if err != nil {
			return middleware.SerializeOutput{}, middleware.Metadata{}, err
		}
		in.Request = req
		return next.HandleSerialize(ctx, in)
	})
	// The members that the SDK checks before it sends; the document replaces them.
	in := &ecs.RegisterTaskDefinitionInput{Family: aws.String("-"), ContainerDefinitions: []types.ContainerDefinition{}}
	return client.RegisterTaskDefinition(ctx, in, func(o *ecs.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
			return s.Serialize.Add(raw, middleware.After)
		})
	})
}
