package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
)

// The largest payloads of an invocation, awaited and not.
const (
	maxPayload = 6 << 20
	maxEvent   = 1 << 20
)

// result is what an awaited invocation comes to.
type result struct {
	payload []byte
	fault   bool
	log     []byte // its tail
}

// Invoke runs a function: the caller waits for its answer (RequestResponse), does not
// (Event), or only asks whether it could (DryRun).
func (s *Service) Invoke(ctx context.Context, in *lambda.InvokeInput, _ ...func(*lambda.Options)) (*lambda.InvokeOutput, error) {
	f, err := s.get(in.FunctionName, in.Qualifier)
	if err != nil {
		return nil, err
	}
	if err := checkPayload(in); err != nil {
		return nil, err
	}
	client, err := base64.StdEncoding.DecodeString(aws.ToString(in.ClientContext))
	if err != nil {
		return nil, badContent("Client context must be a valid Base64-encoded JSON object.")
	}
	call := func() (result, error) {
		return s.perform(f, &invocation{id: ids.UUID(), arn: s.qualified(f.Name, f.qualifier), client: string(client), payload: payloadOf(in)})
	}
	switch in.InvocationType {
	case types.InvocationTypeDryRun:
		return &lambda.InvokeOutput{StatusCode: 204}, nil
	case types.InvocationTypeEvent:
		if err := s.later(f, call); err != nil {
			return nil, err
		}
		return &lambda.InvokeOutput{StatusCode: 202}, nil
	}
	res, err := await(ctx, call)
	if err != nil {
		return nil, err
	}
	out := &lambda.InvokeOutput{StatusCode: 200, Payload: res.payload, ExecutedVersion: &f.version}
	if res.fault {
		out.FunctionError = aws.String("Unhandled")
	}
	if in.LogType == types.LogTypeTail {
		out.LogResult = aws.String(base64.StdEncoding.EncodeToString(res.log))
	}
	return out, nil
}

func checkPayload(in *lambda.InvokeInput) error {
	limit := maxPayload
	if in.InvocationType == types.InvocationTypeEvent {
		limit = maxEvent
	}
	if n := len(in.Payload); n > limit {
		return &types.RequestTooLargeException{Type: user, Message: aws.String(fmt.Sprintf("%d byte payload is too large for the %s invocation type (limit %d bytes)", n, in.InvocationType, limit))}
	}
	var v any
	if err := json.Unmarshal(payloadOf(in), &v); err != nil {
		return badContent("Could not parse request body into json: %s", err)
	}
	return nil
}

// payloadOf is what the function gets: an empty object for nothing.
func payloadOf(in *lambda.InvokeInput) []byte {
	if len(in.Payload) == 0 {
		return []byte("{}")
	}
	return in.Payload
}

// await runs call to its end, as AWS does, but waits only as long as ctx lives.
func await(ctx context.Context, call func() (result, error)) (result, error) {
	type answer struct {
		result
		error
	}
	done := make(chan answer, 1)
	go func() {
		res, err := call()
		done <- answer{res, err}
	}()
	select {
	case a := <-done:
		return a.result, a.error
	case <-ctx.Done():
		return result{}, context.Cause(ctx)
	}
}

// pauses are what Lambda waits before it tries a failed invocation again that nobody waits
// for.
var pauses = []time.Duration{time.Minute, 2 * time.Minute}

// later runs call without anybody waiting, again if it fails.
func (s *Service) later(f found, call func() (result, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	s.tasks.Go(func() {
		for tries := 0; ; tries++ {
			res, err := call()
			if err == nil && !res.fault {
				return
			}
			if tries == len(pauses) {
				s.Log.Warn("an invocation that nobody waits for has failed for good", "function", f.Name, "error", err, "answer", string(res.payload))
				return
			}
			if s.Clock.Sleep(s.life, pauses[tries]) != nil {
				return
			}
		}
	})
	return nil
}
