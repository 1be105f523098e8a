package awsclient

import (
	"context"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// proxied are the hosts that were asked for through the proxy of the environment, which
// Go reads once in a process.
var proxied struct {
	sync.Mutex
	hosts []string
}

func TestMain(m *testing.M) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		proxied.Lock()
		defer proxied.Unlock()
		proxied.hosts = append(proxied.hosts, r.Method+" "+r.Host)
		w.WriteHeader(http.StatusBadGateway)
	}))
	for k, v := range map[string]string{"HTTPS_PROXY": srv.URL, "NO_PROXY": "", "HTTP_PROXY": ""} {
		if err := os.Setenv(k, v); err != nil {
			panic(err)
		}
	}
	code := m.Run()
	srv.Close()
	os.Exit(code)
}

// throughProxy is what was asked through the proxy since the last time.
func throughProxy() []string {
	proxied.Lock()
	defer proxied.Unlock()
	hosts := proxied.hosts
	proxied.hosts = nil
	return hosts
}

// clean leaves nothing of the machine's own AWS environment.
func clean(t *testing.T, env map[string]string) {
	t.Helper()
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "AWS_") || strings.HasPrefix(name, "ACTIONS_") {
			t.Setenv(name, "")
		}
	}
	dir := t.TempDir()
	t.Setenv("HOME", dir)
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for k, v := range env {
		t.Setenv(k, strings.ReplaceAll(v, "$HOME", dir))
	}
}

// everything answers STS, and the metadata of ECS and EC2, and notes with which keys STS is
// asked.
func everything(t *testing.T) (srv *httptest.Server, keys func() []string) {
	t.Helper()
	var mu sync.Mutex
	var seen []string
	given := 0
	soon := time.Now().Add(2 * time.Second).UTC().Format(time.RFC3339)
	mux := http.NewServeMux()
	note := func(key string) { mu.Lock(); defer mu.Unlock(); seen = append(seen, key) }
	mux.HandleFunc("POST /", func(w http.ResponseWriter, r *http.Request) {
		_, after, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
		key, _, _ := strings.Cut(after, "/")
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		note(key)
		fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	})
	mux.HandleFunc("GET /container", func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		given++
		n := given
		mu.Unlock()
		if r.Header.Get("Authorization") != "for the container" {
			t.Errorf("asked with %q", r.Header.Get("Authorization"))
		}
		fmt.Fprintf(w, `{"AccessKeyId":"ASIACONTAINER%d","SecretAccessKey":"s","Token":"t","Expiration":%q}`, n, soon)
	})
	mux.HandleFunc("PUT /latest/api/token", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
		fmt.Fprint(w, "token")
	})
	mux.HandleFunc("GET /latest/meta-data/iam/security-credentials/", func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/") {
			fmt.Fprint(w, "instance")
			return
		}
		fmt.Fprint(w, `{"Code":"Success","AccessKeyId":"ASIAINSTANCE","SecretAccessKey":"s","Token":"t","Expiration":"2999-01-01T00:00:00Z"}`)
	})
	srv = httptest.NewServer(mux)
	t.Cleanup(srv.Close)
	return srv, func() []string { mu.Lock(); defer mu.Unlock(); return slices.Clone(seen) }
}

// Whatever gives credentials to the AWS CLI gives them to us.
func TestCredentialsOfTheEnvironment(t *testing.T) {
	profiles := `[default]
region = eu-west-1
[profile process]
credential_process = /bin/echo '{"Version": 1, "AccessKeyId": "AKIAPROCESS", "SecretAccessKey": "s"}'
[profile chained]
role_arn = arn:aws:iam::123456789012:role/deployer
source_profile = process
[profile sso]
sso_session = town
sso_account_id = 123456789012
sso_role_name = Deployer
[sso-session town]
sso_region = eu-west-1
sso_start_url = https://town.awsapps.com/start
`
	for name, tt := range map[string]struct {
		env  map[string]string
		want string
	}{
		"keys":                {map[string]string{"AWS_ACCESS_KEY_ID": "AKIAKEYS", "AWS_SECRET_ACCESS_KEY": "s"}, "AKIAKEYS AKIAKEYS"},
		"a profile":           {map[string]string{"AWS_PROFILE": "process"}, "AKIAPROCESS AKIAPROCESS"},
		"a chain of roles":    {map[string]string{"AWS_PROFILE": "chained"}, "CONNECT sts.eu-west-1.amazonaws.com:443"},
		"IAM Identity Center": {map[string]string{"AWS_PROFILE": "sso"}, "CONNECT portal.sso.eu-west-1.amazonaws.com:443"},
		// They end soon and are asked for again in a long wait.
		"a container": {map[string]string{"AWS_CONTAINER_CREDENTIALS_FULL_URI": "$URL/container", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "for the container"}, "ASIACONTAINER1 ASIACONTAINER2"},
		"an instance": {map[string]string{"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": "$URL"}, "ASIAINSTANCE ASIAINSTANCE"},
	} {
		t.Run(name, func(t *testing.T) {
			srv, keys := everything(t)
			throughProxy()
			env := map[string]string{"AWS_CONFIG_FILE": "$HOME/config", "AWS_ENDPOINT_URL": srv.URL, "AWS_REGION": "eu-west-1", "AWS_MAX_ATTEMPTS": "1"}
			for k, v := range tt.env {
				env[k] = strings.ReplaceAll(v, "$URL", srv.URL)
			}
			clean(t, env)
			write(t, filepath.Join(os.Getenv("HOME"), "config"), profiles)
			write(t, filepath.Join(os.Getenv("HOME"), ".aws", "sso", "cache", "0cd0b19231db9a2b915e37ea2c366c9029cd9020.json"), `{"accessToken":"bearer","expiresAt":"2999-01-01T00:00:00Z"}`)
			c, err := New(t.Context(), Options{})
			if err != nil {
				t.Fatal(err)
			}
			if strings.HasPrefix(tt.want, "CONNECT") { // the SDK asks AWS itself, whatever AWS_ENDPOINT_URL says
				_, err := c.STS().GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
				if asked := throughProxy(); err == nil || !slices.Equal(asked, []string{tt.want}) {
					t.Errorf("asked %q, want %q: %v", asked, tt.want, err)
				}
				return
			}
			for n := range 2 {
				if _, err := c.STS().GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{}); err != nil {
					t.Fatal(err)
				}
				if n == 0 && name == "a container" {
					time.Sleep(2100 * time.Millisecond)
				}
			}
			if got := strings.Join(keys(), " "); got != tt.want {
				t.Errorf("asked with %s, want %s", got, tt.want)
			}
		})
	}
}

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// Partitions, FIPS and dual-stack endpoints and proxies: the hosts are those of the AWS
// CLI, and they are asked for through the proxy.
func TestHostsAndProxies(t *testing.T) {
	for _, tt := range []struct{ region, fips, dual, want string }{
		{"eu-west-1", "", "", "codedeploy.eu-west-1.amazonaws.com"},
		{"us-gov-west-1", "true", "", "codedeploy-fips.us-gov-west-1.amazonaws.com"},
		{"cn-north-1", "", "", "codedeploy.cn-north-1.amazonaws.com.cn"},
		{"us-east-1", "true", "", "codedeploy-fips.us-east-1.amazonaws.com"},
		{"eu-west-1", "", "true", "codedeploy.eu-west-1.api.aws"},
	} {
		clean(t, map[string]string{"AWS_REGION": tt.region, "AWS_USE_FIPS_ENDPOINT": tt.fips, "AWS_USE_DUALSTACK_ENDPOINT": tt.dual, "AWS_MAX_ATTEMPTS": "1", "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s"})
		c, err := New(t.Context(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		throughProxy()
		if _, err := c.CodeDeploy().GetDeployment(t.Context(), &codedeploy.GetDeploymentInput{DeploymentId: aws.String("d-1")}); err == nil {
			t.Error("the proxy let us through")
		}
		if asked, want := throughProxy(), []string{"CONNECT " + tt.want + ":443"}; !slices.Equal(asked, want) || c.Local {
			t.Errorf("asked %q, want %q", asked, want)
		}
	}
}

// The retries that are set are made.
func TestRetriesOfTheEnvironment(t *testing.T) {
	for _, tt := range []struct {
		env  map[string]string
		want int
	}{
		{map[string]string{"AWS_MAX_ATTEMPTS": "2"}, 2},
		{map[string]string{"AWS_MAX_ATTEMPTS": "1", "AWS_RETRY_MODE": "adaptive"}, 1},
	} {
		calls := 0
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { calls++; w.WriteHeader(http.StatusInternalServerError) }))
		defer srv.Close()
		env := map[string]string{"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": srv.URL, "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s"}
		for k, v := range tt.env {
			env[k] = v
		}
		clean(t, env)
		c, err := New(t.Context(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if _, err := c.ECS().DescribeServices(ctx, &ecs.DescribeServicesInput{Services: []string{"s"}}); err == nil || calls != tt.want {
			t.Errorf("%v: %d calls, want %d: %v", tt.env, calls, tt.want, err)
		}
	}
}

func TestOurRetriesWhereNoneAreSet(t *testing.T) {
	clean(t, map[string]string{"AWS_REGION": "eu-west-1"})
	c, err := New(t.Context(), Options{})
	if err != nil || c.Config().Retryer == nil || c.Config().Retryer().MaxAttempts() != 6 {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestACompanysCertificates(t *testing.T) {
	srv := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	}))
	srv.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer srv.Close()
	for _, bundle := range []string{"", "$HOME/ca.pem"} {
		clean(t, map[string]string{"AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL": srv.URL, "AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "s", "AWS_CA_BUNDLE": bundle, "AWS_MAX_ATTEMPTS": "1"})
		write(t, filepath.Join(os.Getenv("HOME"), "ca.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: srv.Certificate().Raw})))
		c, err := New(t.Context(), Options{})
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.STS().GetCallerIdentity(t.Context(), &sts.GetCallerIdentityInput{})
		if (err == nil) != (bundle != "") {
			t.Errorf("with %q: %v", bundle, err)
		}
	}
}
