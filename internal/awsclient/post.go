package awsclient

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// Answer is what a service answered, whatever its status.
type Answer struct {
	Code   int
	Status string // such as "200 OK"
	Body   []byte
}

// Post makes one signed call to a service that no client of the SDK is linked for. It is
// not tried again.
func Post(ctx context.Context, cfg aws.Config, url, service, region string, header http.Header, body []byte) (Answer, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	req.Header = header
	keys, err := cfg.Credentials.Retrieve(ctx)
	if err != nil {
		return Answer{}, err
	}
	sum := sha256.Sum256(body)
	if err := v4.NewSigner().SignHTTP(ctx, keys, req, hex.EncodeToString(sum[:]), service, region, time.Now()); err != nil {
		return Answer{}, err
	}
	client := cfg.HTTPClient
	if client == nil { // the SDK's clients then make one of their own
		client = awshttp.NewBuildableClient()
	}
	res, err := client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxDocument))
	return Answer{Code: res.StatusCode, Status: res.Status, Body: answer}, err
}
