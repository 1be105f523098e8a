package wire_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// functions is a little of Lambda.
type functions struct{}

func (functions) Invoke(ctx context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	if in.InvocationType == types.InvocationTypeEvent {
		return &lambda.InvokeOutput{StatusCode: 202}, nil
	}
	if !wire.Present(ctx, "Qualifier") {
		return nil, &types.ResourceNotFoundException{Message: aws.String("Function not found: " + *in.FunctionName), Type: aws.String("User")}
	}
	return &lambda.InvokeOutput{StatusCode: 200, Payload: append([]byte("re: "), in.Payload...), FunctionError: aws.String("Unhandled")}, nil
}

func (functions) DeleteFunctionConcurrency(context.Context, *lambda.DeleteFunctionConcurrencyInput, ...func(*lambda.Options)) (*lambda.DeleteFunctionConcurrencyOutput, error) {
	return &lambda.DeleteFunctionConcurrencyOutput{}, nil
}

func TestRestJSON(t *testing.T) {
	var f functions
	s := wire.NewServer(wire.Options{Services: []*wire.Service{
		wire.Lambda([]wire.Op{wire.Handle(f.Invoke), wire.Handle(f.DeleteFunctionConcurrency)}),
	}})
	client := lambda.NewFromConfig(config(s))
	arn := aws.String("arn:aws:lambda:eu-west-1:123456789012:function:hook")

	out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: arn, Qualifier: aws.String("1"), Payload: []byte("\x00raw")})
	if err != nil || string(out.Payload) != "re: \x00raw" || aws.ToString(out.FunctionError) != "Unhandled" || out.StatusCode != 200 {
		t.Errorf("%+v, %v", out, err)
	}
	out, err = client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: arn, InvocationType: types.InvocationTypeEvent})
	if err != nil || out.StatusCode != 202 {
		t.Errorf("event: %+v, %v", out, err)
	}
	_, err = client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: arn})
	var missing *types.ResourceNotFoundException
	if !errors.As(err, &missing) || missing.ErrorMessage() != "Function not found: "+*arn || aws.ToString(missing.Type) != "User" {
		t.Errorf("error: %v", err)
	}
	wantRefusal(t, err, "ResourceNotFoundException", 404)
	if _, err := client.DeleteFunctionConcurrency(t.Context(), &lambda.DeleteFunctionConcurrencyInput{FunctionName: arn}); err != nil {
		t.Errorf("without content: %v", err)
	}
	_, err = client.ListFunctions(t.Context(), nil)
	wantRefusal(t, err, "UnknownOperationException", 400, "GET /2015-03-31/functions")

	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/2015-03-31/functions/unsigned/invocations", strings.NewReader("{}")))
	if w.Code != 404 || w.Header().Get("X-Amzn-Errortype") != "ResourceNotFoundException" {
		t.Errorf("found without a credential scope: %d %v", w.Code, w.Header())
	}
}
