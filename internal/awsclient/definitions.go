package awsclient

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"

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

// DescribeTaskDefinition reads a definition (ARN, FAMILY:REVISION or FAMILY for its
// newest active revision) as ECS wrote it: document is the inner object with the tags
// that stand beside it, fields newer than the SDK included.
func DescribeTaskDefinition(ctx context.Context, client *ecs.Client, name string) (arn string, document []byte, err error) {
	var body []byte
	raw := middleware.DeserializeMiddlewareFunc("RawDocument", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, meta, err := next.HandleDeserialize(ctx, in)
		res, ok := out.RawResponse.(*smithyhttp.Response)
		if err != nil || !ok {
			return out, meta, err
		}
		body, err = io.ReadAll(io.LimitReader(res.Body, maxDocument))
		res.Body = io.NopCloser(bytes.NewReader(body))
		return out, meta, err
	})
	out, err := client.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{TaskDefinition: &name, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags}}, func(o *ecs.Options) {
		o.APIOptions = append(o.APIOptions, func(s *middleware.Stack) error {
			return s.Deserialize.Insert(raw, "OperationDeserializer", middleware.After)
		})
	})
	if err != nil {
		return "", nil, err
	}
	document, err = inner(body)
	return aws.ToString(out.TaskDefinition.TaskDefinitionArn), document, err
}

// maxDocument bounds what is read of an answer; ECS's own limit is 64 KiB a definition.
const maxDocument = 4 << 20

// inner takes the definition out of an answer and puts its tags where registering wants them.
func inner(body []byte) ([]byte, error) {
	var answer struct {
		TaskDefinition map[string]json.RawMessage `json:"taskDefinition"`
		Tags           json.RawMessage            `json:"tags"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("read task definition: %w", err)
	}
	if answer.Tags != nil && answer.TaskDefinition != nil {
		answer.TaskDefinition["tags"] = answer.Tags
	}
	return json.Marshal(answer.TaskDefinition)
}
