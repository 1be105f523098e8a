package cloud_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"

	"github.com/turnoutdev/turnout/cloud"
)

// Clients that know no endpoint ask for AWS's own names, through a proxy or straight at
// the second port, and find the local cloud.
func TestAWSNamesUnderTLS(t *testing.T) {
	r := started(t, cloud.Options{Driver: "fake", TLSAddr: "127.0.0.1:0"})
	must(ecs.NewFromConfig(r.cfg).CreateCluster(t.Context(), &ecs.CreateClusterInput{ClusterName: aws.String("behind-tls")}))
	names := "env -u AWS_ENDPOINT_URL HTTPS_PROXY=" + r.Endpoint() + " AWS_CA_BUNDLE=" + r.CAFile() + " "

	if got := r.tool([]string{"aws", "--version"}, "sh", "-c", names+"aws ecs list-clusters --output text"); !strings.Contains(got, "cluster/behind-tls") {
		t.Errorf("aws: %s", got)
	}
	if got := r.tool([]string{"python3", "-c", "import boto3"}, "sh", "-c", names+`python3 -c 'import boto3
print(boto3.client("sts").get_caller_identity()["Account"])
print(boto3.client("elbv2").describe_load_balancers()["LoadBalancers"])'`); !strings.HasPrefix(got, "123456789012\n[]") {
		t.Errorf("boto3: %s", got)
	}
	host := strings.TrimPrefix(r.TLSEndpoint(), "https://")
	if got := r.tool([]string{"curl", "--version"}, "curl", "-sS", "--cacert", r.CAFile(), "--connect-to", "ecs.us-east-1.amazonaws.com:443:"+host,
		"-o", "/dev/null", "-w", "%{http_code} %{ssl_verify_result}", "-X", "POST", "-H", "X-Amz-Target: AmazonEC2ContainerServiceV20141113.ListClusters", "-d", "{}",
		"https://ecs.us-east-1.amazonaws.com/"); got != "400 0" && got != "403 0" { // unsigned, and answered as AWS would
		t.Errorf("curl: %s", got)
	}
}

func TestTheProxyLeadsNowhereElse(t *testing.T) {
	for _, o := range []cloud.Options{{Driver: "fake"}, {Driver: "fake", TLSAddr: "127.0.0.1:0"}} {
		r := started(t, o)
		for _, host := range []string{"example.com:443", "amazonaws.com.example.com:443", "nothing"} {
			req := must(http.NewRequestWithContext(t.Context(), http.MethodConnect, r.Endpoint(), nil))
			req.URL.Opaque, req.Host = host, host
			res := must(http.DefaultTransport.RoundTrip(req))
			_ = res.Body.Close()
			if res.StatusCode < 400 {
				t.Errorf("%s: %s", host, res.Status)
			}
		}
	}
}
