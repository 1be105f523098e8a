// Whoami tells what a task knows of itself: its metadata, who it is to AWS, and what of the
// cloud is closed to it.
package main

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	res, err := http.Get(os.Getenv("ECS_CONTAINER_METADATA_URI_V4") + "/task")
	if err != nil {
		log.Fatal(err)
	}
	defer res.Body.Close()
	var task struct {
		Cluster, TaskARN, Family string
		Containers               []struct{ Name string }
	}
	if err := json.NewDecoder(res.Body).Decode(&task); err != nil {
		log.Fatal(err)
	}
	log.Printf("task %s of family %s in cluster %s, %d containers", task.TaskARN, task.Family, task.Cluster, len(task.Containers))
	cfg, err := config.LoadDefaultConfig(ctx) // the SDK's own chain finds region, endpoint and keys
	if err != nil {
		log.Fatal(err)
	}
	who, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	if err != nil {
		log.Fatalf("nobody: %v", err)
	}
	log.Printf("I am %s", *who.Arn)
	for _, v := range os.Environ() {
		log.Print(v)
	}
	knock(ctx, http.DefaultTransport, os.Getenv("AWS_ENDPOINT_URL"))
	proxy, err := url.Parse(os.Getenv("AWS_ENDPOINT_URL"))
	if err != nil {
		log.Fatal(err)
	}
	knock(ctx, &http.Transport{
		Proxy:           http.ProxyURL(proxy),
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // what is behind the tunnel matters, not its name
	}, "https://sts.us-east-1.amazonaws.com")
}

// knock tells how the cloud answers a task that wants more than AWS offers.
func knock(ctx context.Context, through http.RoundTripper, base string) {
	for _, door := range []string{
		"POST /_turnout/reset", "GET /_turnout/snapshot", "DELETE /_turnout/chaos", "GET /_turnout/calls", "GET /_turnout/console/api/about.json",
		"GET /_turnout/oidc/.well-known/openid-configuration", "GET /_turnout/elb/../console/", "GET //_turnout/console/", "GET /_turnout/elb/keys/none",
	} {
		method, path, _ := strings.Cut(door, " ")
		req, err := http.NewRequestWithContext(ctx, method, base+path, nil)
		if err != nil {
			log.Fatal(err)
		}
		res, err := through.RoundTrip(req)
		if err != nil {
			log.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body) // what has come says enough
		_ = res.Body.Close()
		log.Printf("%s %s%s: %d %s", method, base, path, res.StatusCode, strings.TrimSpace(string(body)))
	}
}
