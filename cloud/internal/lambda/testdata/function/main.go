// Function is what Lambda's tests run: it does what its event says.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"
)

type order struct {
	Do   string `json:"do"`
	Text string `json:"text"`
}

var calls int

func main() {
	if os.Getenv("BROKEN") != "" {
		fmt.Println("cannot begin")
		os.Exit(3)
	}
	fmt.Println("beginning")
	lambda.Start(handle)
}

func handle(ctx context.Context, o order) (any, error) {
	calls++
	fmt.Println("asked to", o.Do)
	switch o.Do {
	case "fail":
		return nil, errors.New(o.Text)
	case "panic":
		panic(o.Text)
	case "exit":
		os.Exit(7)
	case "sleep":
		time.Sleep(time.Minute)
	case "get":
		res, err := http.Get(o.Text)
		if err != nil {
			return nil, err
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		return string(b), err
	case "write":
		return nil, errors.Join(os.WriteFile("/tmp/x", []byte(o.Text), 0o600), os.WriteFile("/var/task/x", nil, 0o600))
	case "environment":
		lc, _ := lambdacontext.FromContext(ctx)
		deadline, _ := ctx.Deadline()
		return map[string]any{
			"calls": calls, "env": os.Environ(), "arn": lc.InvokedFunctionArn, "id": lc.AwsRequestID,
			"left": time.Until(deadline).Seconds(), "client": lc.ClientContext.Custom, "uid": os.Getuid(),
		}, nil
	}
	return o.Text, nil
}
