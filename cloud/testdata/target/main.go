// Target is a function behind a load balancer: it answers with the event that it got.
package main

import (
	"encoding/json"
	"errors"

	"github.com/aws/aws-lambda-go/lambda"
)

func main() {
	lambda.Start(func(event map[string]any) (any, error) {
		if event["path"] == "/fail" {
			return nil, errors.New("asked to fail")
		}
		body, err := json.Marshal(event)
		return map[string]any{
			"statusCode": 200, "statusDescription": "200 OK", "isBase64Encoded": false, "body": string(body),
			"headers":           map[string]any{"Content-Type": "application/json", "X-From": "function"},
			"multiValueHeaders": map[string]any{"Set-Cookie": []string{"a=1", "b=2"}},
		}, err
	})
}
