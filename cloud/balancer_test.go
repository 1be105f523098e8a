package cloud_test

import (
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/go-jose/go-jose/v4"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/testkit"
)

// web is a load balancer before a server of the test.
type web struct {
	*rig
	*elb.Client
	lb, group, listener string
	url                 string
}

// web serves the handler behind a load balancer of its own, once its target is healthy.
func (r *rig) web(name string, protocol elbtypes.ProtocolEnum, h http.Handler) *web {
	r.Helper()
	server := httptest.NewServer(h)
	r.Cleanup(server.Close)
	w := &web{rig: r, Client: elb.NewFromConfig(r.cfg)}
	ctx := r.Context()
	w.lb = *must(w.CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{Name: &name, Subnets: []string{"subnet-a", "subnet-b"}})).LoadBalancers[0].LoadBalancerArn
	w.group = *must(w.CreateTargetGroup(ctx, &elb.CreateTargetGroupInput{
		Name: &name, Protocol: elbtypes.ProtocolEnumHttp, Port: aws.Int32(80), VpcId: aws.String("vpc-1"), TargetType: elbtypes.TargetTypeEnumIp,
	})).TargetGroups[0].TargetGroupArn
	host, port, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	var n int32
	_ = must(fmt.Sscan(port, &n))
	must(w.RegisterTargets(ctx, &elb.RegisterTargetsInput{TargetGroupArn: &w.group, Targets: []elbtypes.TargetDescription{{Id: &host, Port: &n}}}))
	in := &elb.CreateListenerInput{LoadBalancerArn: &w.lb, Port: aws.Int32(18080), Protocol: protocol, DefaultActions: forwardTo(w.group)}
	if protocol == elbtypes.ProtocolEnumHttps {
		in.Certificates = []elbtypes.Certificate{{CertificateArn: aws.String("arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-0000-0000-000000000001")}}
	}
	w.listener = *must(w.CreateListener(ctx, in)).Listeners[0].ListenerArn
	w.url = strings.ToLower(string(protocol)) + "://" + w.address()
	if err := elb.NewTargetInServiceWaiter(w.Client, func(o *elb.TargetInServiceWaiterOptions) { o.MinDelay = 50 * time.Millisecond }).
		Wait(ctx, &elb.DescribeTargetHealthInput{TargetGroupArn: &w.group}, time.Minute); err != nil {
		r.Fatal(err)
	}
	return w
}

func forwardTo(group string) []elbtypes.Action {
	return []elbtypes.Action{{Type: elbtypes.ActionTypeEnumForward, TargetGroupArn: &group}}
}

// address is where the listener says that it stands.
func (w *web) address() string {
	for _, tag := range must(w.DescribeTags(w.Context(), &elb.DescribeTagsInput{ResourceArns: []string{w.listener}})).TagDescriptions[0].Tags {
		if *tag.Key == "aws:turnout:address" {
			return *tag.Value
		}
	}
	w.Fatal("the listener has no address")
	return ""
}

// fetch asks the load balancer.
func (w *web) fetch(method, path string, body io.Reader, header ...string) (*http.Response, string) {
	w.Helper()
	req := must(http.NewRequestWithContext(w.Context(), method, w.url+path, body))
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	defer client.CloseIdleConnections()
	res, err := client.Do(req)
	if err != nil {
		w.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	return res, string(must(io.ReadAll(res.Body)))
}

// mirror answers with what it got.
func mirror() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"uri": r.RequestURI, "host": r.Host, "header": r.Header})
	})
}

// boto3 and the aws command make rules with regular expressions and transforms, and set
// attributes; requests meet all of them.
func TestClientsOnRulesAndAttributes(t *testing.T) {
	t.Parallel()
	w := started(t, cloud.Options{Driver: "fake", TimeScale: 100}).web("web", elbtypes.ProtocolEnumHttp, mirror())
	w.python(`
import boto3
elb = boto3.client('elbv2')
forward = [{'Type': 'forward', 'TargetGroupArn': '` + w.group + `'}]
rule = elb.create_rule(ListenerArn='` + w.listener + `', Priority=1, Actions=forward,
    Conditions=[{'Field': 'path-pattern', 'PathPatternConfig': {'RegexValues': ['^/dp/[A-Z0-9]+$']}},
                {'Field': 'http-header', 'HttpHeaderConfig': {'HttpHeaderName': 'X-Client', 'RegexValues': ['^app/[0-9]+']}}],
    Transforms=[{'Type': 'url-rewrite', 'UrlRewriteConfig': {'Rewrites': [{'Regex': '^/dp/([A-Z0-9]+)', 'Replace': '/product.php?id=$1'}]}},
                {'Type': 'host-header-rewrite', 'HostHeaderRewriteConfig': {'Rewrites': [{'Regex': '^(.+)$', 'Replace': 'inner.$1'}]}}])['Rules'][0]
assert rule['Conditions'][0]['RegexValues'] == ['^/dp/[A-Z0-9]+$'], rule
got = elb.describe_rules(RuleArns=[rule['RuleArn']])['Rules'][0]
assert got['Transforms'] == rule['Transforms'] and got['Transforms'][0]['UrlRewriteConfig']['Rewrites'][0]['Replace'] == '/product.php?id=$1', got
try:
    elb.modify_rule(RuleArn=rule['RuleArn'], Transforms=[{'Type': 'url-rewrite', 'UrlRewriteConfig': {'Rewrites': [{'Regex': '(?<=a)', 'Replace': 'b'}]}}])
except elb.exceptions.ClientError as e:
    assert e.response['Error']['Code'] == 'ValidationError', e
else:
    raise AssertionError('a lookbehind passes')
`)
	if _, body := w.fetch("GET", "/dp/B01", nil, "X-Client", "app/7"); !strings.Contains(body, `"uri":"/product.php?id=B01"`) || !strings.Contains(body, `"host":"inner.127.`) {
		t.Errorf("rewritten: %s", body)
	}
	if _, body := w.fetch("GET", "/dp/B01", nil, "X-Client", "web/7"); !strings.Contains(body, `"uri":"/dp/B01"`) {
		t.Errorf("by the default rule: %s", body)
	}
	w.aws("elbv2", "modify-listener-attributes", "--listener-arn", w.listener, "--attributes",
		"Key=routing.http.response.strict_transport_security.header_value,Value=max-age=31536000;includeSubDomains",
		"Key=routing.http.response.x_frame_options.header_value,Value=DENY")
	w.aws("elbv2", "modify-load-balancer-attributes", "--load-balancer-arn", w.lb, "--attributes",
		"Key=routing.http.xff_client_port.enabled,Value=true", "Key=routing.http.drop_invalid_header_fields.enabled,Value=true")
	res, body := w.fetch("GET", "/", nil, "X_Odd", "1")
	if h := res.Header; h.Get("Strict-Transport-Security") != "max-age=31536000;includeSubDomains" || h.Get("X-Frame-Options") != "DENY" {
		t.Errorf("answered with %v", h)
	}
	if strings.Contains(body, "X_odd") || strings.Contains(body, "X_Odd") || !strings.Contains(body, `"X-Forwarded-For":["127.0.0.1:`) {
		t.Errorf("the target saw %s", body)
	}
}

// A real function behind a load balancer, made and registered by boto3.
func TestFunctionsAsTargets(t *testing.T) {
	t.Parallel()
	r := started(t, cloud.Options{Driver: "native", TimeScale: 100})
	w := r.web("web", elbtypes.ProtocolEnumHttp, mirror())
	r.hook("fn", r.hookRole("fn", false), "", zipOf(compiled(t, "testdata/target")))
	group := w.python(`
import boto3
elb, fn = boto3.client('elbv2'), boto3.client('lambda')
group = elb.create_target_group(Name='functions', TargetType='lambda')['TargetGroups'][0]
assert group['HealthCheckEnabled'] == False and group['HealthCheckIntervalSeconds'] == 35 and 'Protocol' not in group and 'Port' not in group, group
arn, target = group['TargetGroupArn'], fn.get_function(FunctionName='fn')['Configuration']['FunctionArn']
try:
    elb.register_targets(TargetGroupArn=arn, Targets=[{'Id': target}])
except elb.exceptions.ClientError as e:
    assert e.response['Error'] == {'Type': 'Sender', 'Code': 'AccessDenied', 'Message':
        'elasticloadbalancing principal does not have permission to invoke %s from target group %s' % (target, arn)}, e.response
else:
    raise AssertionError('registered without permission')
fn.add_permission(FunctionName='fn', StatementId='elb', Action='lambda:InvokeFunction', Principal='elasticloadbalancing.amazonaws.com', SourceArn=arn)
elb.register_targets(TargetGroupArn=arn, Targets=[{'Id': target}])
rule = elb.create_rule(ListenerArn='` + w.listener + `', Priority=1, Conditions=[{'Field': 'path-pattern', 'Values': ['*']}], Actions=[{'Type': 'forward', 'TargetGroupArn': arn}])
health = elb.describe_target_health(TargetGroupArn=arn)['TargetHealthDescriptions']
assert [(h['Target'], h['TargetHealth']['State'], h['TargetHealth']['Reason']) for h in health] == [({'Id': target, 'AvailabilityZone': 'all'}, 'unavailable', 'Target.HealthCheckDisabled')], health
assert elb.describe_target_group_attributes(TargetGroupArn=arn)['Attributes'] == [{'Key': 'lambda.multi_value_headers.enabled', 'Value': 'false'}]
print(arn)
`)
	res, body := w.fetch("POST", "/x?a=1", strings.NewReader("hello"), "Content-Type", "text/plain")
	var e struct {
		HTTPMethod, Path, Body string
		Headers                map[string]string
		RequestContext         struct {
			ELB struct{ TargetGroupArn string }
		}
	}
	if err := json.Unmarshal([]byte(body), &e); err != nil || e.HTTPMethod != "POST" || e.Path != "/x" || e.Body != "hello" || e.RequestContext.ELB.TargetGroupArn != group || e.Headers["x-forwarded-proto"] != "http" {
		t.Errorf("%v %+v in %s", err, e, body)
	}
	if res.Header.Get("X-From") != "function" || res.Header.Get("Server") != "awselb/2.0" || res.Header["Set-Cookie"] != nil {
		t.Errorf("answered with %v", res.Header)
	}
	if res, _ := w.fetch("GET", "/fail", nil); res.StatusCode != http.StatusBadGateway {
		t.Errorf("a function that fails: %d", res.StatusCode)
	}
	w.aws("elbv2", "modify-target-group-attributes", "--target-group-arn", group, "--attributes", "Key=lambda.multi_value_headers.enabled,Value=true")
	w.aws("elbv2", "modify-target-group", "--target-group-arn", group, "--health-check-enabled")
	w.aws("elbv2", "wait", "target-in-service", "--target-group-arn", group)
	if res, _ := w.fetch("GET", "/", nil); len(res.Header["Set-Cookie"]) != 2 || res.Header.Get("X-From") != "" {
		t.Errorf("with multi-value headers: %v", res.Header)
	}
}

// What was asked of a load balancer stands in S3.
func TestAccessLogsInS3(t *testing.T) {
	t.Parallel()
	w := started(t, cloud.Options{Driver: "fake", TimeScale: 600}).web("web", elbtypes.ProtocolEnumHttp, mirror())
	w.aws("s3api", "create-bucket", "--bucket", "traffic")
	policy := func(statement string) {
		w.aws("s3api", "put-bucket-policy", "--bucket", "traffic", "--policy", `{"Version":"2012-10-17","Statement":[`+statement+`]}`)
	}
	turnOn := func(on bool) string {
		_, err := w.ModifyLoadBalancerAttributes(t.Context(), &elb.ModifyLoadBalancerAttributesInput{LoadBalancerArn: &w.lb, Attributes: []elbtypes.LoadBalancerAttribute{
			{Key: aws.String("access_logs.s3.enabled"), Value: aws.String(fmt.Sprint(on))}, {Key: aws.String("access_logs.s3.bucket"), Value: aws.String("traffic")},
		}})
		return fmt.Sprint(err)
	}
	const files = `"Action":"s3:PutObject","Resource":"arn:aws:s3:::traffic/*"`
	const delivery = `{"Effect":"Allow","Principal":{"Service":"logdelivery.elasticloadbalancing.amazonaws.com"},` + files + `}`
	for _, c := range []struct {
		statement string
		allowed   bool
	}{
		{"", false},
		{`{"Effect":"Allow","Principal":{"Service":"delivery.logs.amazonaws.com"},` + files + `}`, false},
		{`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},` + files + `}`, false},
		{`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::797873946194:root"},` + files + `}`, false}, // of another region
		{`{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::127311923021:root"},` + files + `}`, true},
		{delivery, true},
		{delivery + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::traffic/*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}`, true},
		{delivery + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::traffic/*","Condition":{"StringNotEquals":{"aws:SourceArn":"` + w.lb + `"}}}`, true},
		{delivery + `,{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::traffic/*","Condition":{"StringEquals":{"aws:SourceAccount":"123456789012"}}}`, false},
	} {
		if c.statement != "" {
			policy(c.statement)
		}
		got := turnOn(true)
		if allowed := got == "<nil>"; allowed != c.allowed || !allowed && !strings.Contains(got, "InvalidConfigurationRequest: Access Denied for bucket: traffic. Please check S3bucket permission") {
			t.Errorf("with %s: %s", c.statement, got)
		}
		turnOn(false)
	}
	policy(delivery)
	w.aws("elbv2", "modify-load-balancer-attributes", "--load-balancer-arn", w.lb, "--attributes",
		"Key=access_logs.s3.enabled,Value=true", "Key=access_logs.s3.bucket,Value=traffic", "Key=access_logs.s3.prefix,Value=web",
		"Key=connection_logs.s3.enabled,Value=true", "Key=connection_logs.s3.bucket,Value=traffic")
	w.fetch("GET", "/logged?x=1", nil, "User-Agent", "story/1")
	w.python(`
import boto3, gzip, re, time
s3 = boto3.client('s3')
def lines(pattern):
    for _ in range(300):
        keys = [o['Key'] for o in s3.list_objects_v2(Bucket='traffic').get('Contents', [])]
        found = [k for k in keys if re.search(pattern, k)]
        if found:
            return gzip.decompress(s3.get_object(Bucket='traffic', Key=found[0])['Body'].read()).decode().splitlines()
        time.sleep(0.1)
    raise AssertionError(keys)
line = lines(r'^web/AWSLogs/\d{12}/elasticloadbalancing/us-east-1/\d{4}/\d\d/\d\d/\d{12}_elasticloadbalancing_us-east-1_app\.web\.[0-9a-f]{16}_\d{8}T\d{4}Z_[0-9.]+_\w+\.log\.gz$')[0]
fields = re.findall(r'"[^"]*"|\S+', line)
assert len(fields) == 33 and fields[0] == 'http' and fields[8:10] == ['200', '200'], fields
assert '/logged?x=1 HTTP/1.1"' in fields[12] and fields[13] == '"story/1"' and fields[16] == '` + w.group + `' and fields[20] == '0' and fields[22] == '"forward"', fields
conn = lines(r'^AWSLogs/.*/conn_log\.')[0].split()
assert conn[1] == '127.0.0.1' and conn[3] == '18080' and conn[-1].startswith('TID_'), conn
assert s3.get_object(Bucket='traffic', Key='web/AWSLogs/123456789012/ELBAccessLogTestFile')['Body'].read().startswith(b'Enable AccessLog for ELB: web at ')
`)
	// A policy that is taken away later keeps out what comes later.
	w.aws("s3api", "delete-bucket-policy", "--bucket", "traffic")
	w.aws("s3", "rm", "--recursive", "s3://traffic")
	w.fetch("GET", "/kept-out", nil)
	time.Sleep(1500 * time.Millisecond) // three deliveries
	if left := w.aws("s3api", "list-objects-v2", "--bucket", "traffic", "--query", "length(not_null(Contents, `[]`))"); left != "0" {
		t.Errorf("%s files came to a bucket that admits nobody", left)
	}
}

// boto3 makes a trust store of openssl's certificates, and a listener that lets in those
// whom it vouches for.
func TestClientsOnMutualAuthentication(t *testing.T) {
	t.Parallel()
	w := started(t, cloud.Options{Driver: "fake", TimeScale: 100}).web("web", elbtypes.ProtocolEnumHttps, mirror())
	dir := t.TempDir()
	for _, line := range []string{
		"req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=ca -keyout ca.key -out ca.pem",
		"req -newkey rsa:2048 -nodes -subj /CN=client -keyout client.key -out client.csr",
		"x509 -req -in client.csr -CA ca.pem -CAkey ca.key -set_serial 10 -days 1 -out client.pem",
	} {
		cmd := exec.Command("openssl", strings.Fields(line)...)
		if cmd.Dir = dir; cmd.Err != nil {
			testkit.NeedOrSkip(t, "needs openssl: "+cmd.Err.Error())
		}
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("openssl %s: %v\n%s", line, err, out)
		}
	}
	w.python(`
import boto3, json, ssl, urllib.request
s3, elb = boto3.client('s3'), boto3.client('elbv2')
pem = open('` + dir + `/ca.pem').read()
s3.create_bucket(Bucket='trust')
s3.put_object(Bucket='trust', Key='ca.pem', Body=pem.encode())
store = elb.create_trust_store(Name='clients', CaCertificatesBundleS3Bucket='trust', CaCertificatesBundleS3Key='ca.pem', Tags=[{'Key': 'k', 'Value': 'v'}])['TrustStores'][0]
arn = store['TrustStoreArn']
assert store['NumberOfCaCertificates'] == 1 and store['Status'] == 'ACTIVE' and store['TotalRevokedEntries'] == 0, store
assert elb.describe_tags(ResourceArns=[arn])['TagDescriptions'][0]['Tags'] == [{'Key': 'k', 'Value': 'v'}]
assert urllib.request.urlopen(elb.get_trust_store_ca_certificates_bundle(TrustStoreArn=arn)['Location']).read().decode() == pem
elb.modify_listener(ListenerArn='` + w.listener + `', MutualAuthentication={'Mode': 'verify', 'TrustStoreArn': arn})
got = elb.describe_listeners(ListenerArns=['` + w.listener + `'])['Listeners'][0]['MutualAuthentication']
assert got['Mode'] == 'verify' and got['TrustStoreArn'] == arn and got['IgnoreClientCertificateExpiry'] == False, got
assert elb.describe_trust_store_associations(TrustStoreArn=arn)['TrustStoreAssociations'] == [{'ResourceArn': '` + w.listener + `'}]
def ask(cert):
    ctx = ssl._create_unverified_context()
    if cert:
        ctx.load_cert_chain('` + dir + `/client.pem', '` + dir + `/client.key')
    return json.load(urllib.request.urlopen('` + w.url + `', context=ctx))
header = ask(True)['header']
assert header['X-Amzn-Mtls-Clientcert-Subject'] == ['CN=client'] and header['X-Amzn-Mtls-Clientcert-Serial-Number'] == ['0A'], header
try:
    ask(False)
except OSError:
    pass
else:
    raise AssertionError('somebody without a certificate gets in')
try:
    elb.delete_trust_store(TrustStoreArn=arn)
except elb.exceptions.TrustStoreInUseException:
    pass
elb.modify_listener(ListenerArn='` + w.listener + `', MutualAuthentication={'Mode': 'off'})
ask(False)
elb.delete_trust_store(TrustStoreArn=arn)
assert elb.describe_trust_stores()['TrustStores'] == []
`)
}

// boto3 puts a check of tokens before a listener's rules; the issuer is the cloud's own.
func TestClientsOnTokens(t *testing.T) {
	key := must(rsa.GenerateKey(rand.Reader, 2048))
	jwks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k"}}})
	}))
	t.Cleanup(jwks.Close)
	signer := must(jose.NewSigner(jose.SigningKey{Algorithm: jose.RS256, Key: key}, (&jose.SignerOptions{}).WithHeader("kid", "k")))
	token := must(must(signer.Sign(must(json.Marshal(map[string]any{"iss": "me", "exp": time.Now().Add(time.Hour).Unix(), "scope": "read write"})))).CompactSerialize())
	w := started(t, cloud.Options{Driver: "fake", TimeScale: 100}).web("web", elbtypes.ProtocolEnumHttps, mirror())
	w.python(`
import boto3, json, ssl, urllib.error, urllib.request
elb = boto3.client('elbv2')
def ask(path, **header):
    try:
        return json.load(urllib.request.urlopen(urllib.request.Request('` + w.url + `' + path, headers=header), context=ssl._create_unverified_context()))
    except urllib.error.HTTPError as e:
        return e.code
forward = {'Type': 'forward', 'Order': 2, 'TargetGroupArn': '` + w.group + `'}
elb.create_rule(ListenerArn='` + w.listener + `', Priority=1, Conditions=[{'Field': 'path-pattern', 'Values': ['/api/*']}], Actions=[
    {'Type': 'jwt-validation', 'Order': 1, 'JwtValidationConfig': {'Issuer': 'me', 'JwksEndpoint': '` + jwks.URL + `',
        'AdditionalClaims': [{'Name': 'scope', 'Format': 'space-separated-values', 'Values': ['read']}]}}, forward])
assert ask('/other')['uri'] == '/other'
assert ask('/api/x') == 401
assert ask('/api/x', Authorization='Bearer ` + token + `')['uri'] == '/api/x'
rule = elb.create_rule(ListenerArn='` + w.listener + `', Priority=2, Conditions=[{'Field': 'path-pattern', 'Values': ['/user/*']}], Actions=[
    {'Type': 'authenticate-oidc', 'Order': 1, 'AuthenticateOidcConfig': dict(Issuer='https://idp', AuthorizationEndpoint='https://idp/a', TokenEndpoint='https://idp/t',
        UserInfoEndpoint='https://idp/u', ClientId='c', ClientSecret='s', OnUnauthenticatedRequest='deny')}, forward])['Rules'][0]
config = rule['Actions'][0]['AuthenticateOidcConfig']
assert config['SessionTimeout'] == 604800 and config['Scope'] == 'openid' and 'ClientSecret' not in config, config
assert ask('/user/x') == 401
`)
}
