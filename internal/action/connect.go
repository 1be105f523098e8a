package action

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/turnoutdev/turnout/internal/awsclient"
	"github.com/turnoutdev/turnout/internal/ci"
	"github.com/turnoutdev/turnout/internal/fault"
)

func note(message string) ci.Note { return ci.Note{Message: message} }

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// useProxy sends the calls of cfg through a proxy, but for the hosts that except lists.
// Without one the environment's HTTPS_PROXY, HTTP_PROXY and NO_PROXY hold.
func useProxy(cfg *aws.Config, proxy, except string) error {
	if proxy == "" {
		return nil
	}
	u, err := url.Parse(proxy)
	if err != nil || u.Host == "" {
		return fault.New(fault.Usage, "such as http://proxy.example:3128", "the input \"http-proxy\" is no URL")
	}
	hosts := list(except)
	cfg.HTTPClient = awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.Proxy = func(r *http.Request) (*url.URL, error) {
			for _, h := range hosts {
				if host := r.URL.Hostname(); host == h || strings.HasSuffix(host, "."+strings.TrimPrefix(h, ".")) {
					return nil, nil
				}
			}
			return u, nil
		}
	})
	return nil
}

// publicRegistry asks ECR Public for a token; it answers in one region only.
func publicRegistry(ctx context.Context, cfg aws.Config) ([]registry, error) {
	const region, target = "us-east-1", "SpencerFrontendService.GetAuthorizationToken"
	endpoint := orElse(aws.ToString(cfg.BaseEndpoint), "https://api.ecr-public."+region+".amazonaws.com")
	header := http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {target}}
	answer, err := awsclient.Post(ctx, cfg, strings.TrimSuffix(endpoint, "/")+"/", "ecr-public", region, header, []byte("{}"))
	if err != nil {
		return nil, err
	}
	var out struct {
		AuthorizationData struct {
			AuthorizationToken string `json:"authorizationToken"`
		} `json:"authorizationData"`
		Type    string `json:"__type"`
		Message string `json:"message"`
	}
	if err := json.Unmarshal(answer.Body, &out); err != nil || answer.Code != http.StatusOK {
		return nil, fmt.Errorf("ECR Public: %s: %s %s", answer.Status, out.Type, out.Message)
	}
	r, err := unpack(out.AuthorizationData.AuthorizationToken, "https://public.ecr.aws")
	r.endpoint = "public.ecr.aws"
	return []registry{r}, err
}

// pause waits, or until ctx ends.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// consoles are the AWS console's host names where they differ, by the region's beginning.
var consoles = []struct{ region, host string }{
	{"cn-", "console.amazonaws.cn"},
	{"us-gov-", "console.amazonaws-us-gov.com"},
	{"us-isob-", "console.sc2s.sgov.gov"},
	{"us-iso-", "console.c2s.ic.gov"},
	{"eusc-", "console.amazonaws-eusc.eu"},
}

// console tells where the AWS console shows a thing; a local cloud's are shown nowhere.
func (d *deploy) console(path string) string {
	if d.aws.Local {
		return ""
	}
	host, region := "console.aws.amazon.com", d.aws.Region
	for _, c := range consoles {
		if strings.HasPrefix(region, c.region) {
			host = c.host
		}
	}
	return ": https://" + region + "." + host + "/" + path + "?region=" + region
}
