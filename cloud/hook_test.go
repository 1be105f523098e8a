package cloud_test

import (
	"archive/zip"
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	cd "github.com/aws/aws-sdk-go-v2/service/codedeploy/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/turnoutdev/turnout/cloud"
)

// hookRole makes a role of functions that may answer CodeDeploy, or may not.
func (r *rig) hookRole(name string, answers bool) string {
	role := r.makeRole(name, "lambda.amazonaws.com", "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
	if answers {
		must(iam.NewFromConfig(r.cfg).PutRolePolicy(r.Context(), &iam.PutRolePolicyInput{RoleName: &name, PolicyName: aws.String("answer"), PolicyDocument: aws.String(
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"codedeploy:PutLifecycleEventHookExecutionStatus","Resource":"*"}]}`)}))
	}
	return role
}

func zipOf(program []byte) []byte {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	h := &zip.FileHeader{Name: "bootstrap", Method: zip.Deflate}
	h.SetMode(0o755)
	w := must(z.CreateHeader(h))
	must(w.Write(program))
	if err := z.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// hook makes a function of examples/hook that checks a URL.
func (r *rig) hook(name, role, url string, code []byte) {
	must(lambda.NewFromConfig(r.cfg).CreateFunction(r.Context(), &lambda.CreateFunctionInput{
		FunctionName: &name, Role: &role, Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Timeout: aws.Int32(20),
		Code: &types.FunctionCode{ZipFile: code}, Environment: &types.Environment{Variables: map[string]string{"URL": url}},
	}))
}

// Real functions decide, by the test listener, whether a deployment goes on.
func TestHooksAreRealFunctions(t *testing.T) {
	s := started(t, cloud.Options{Driver: "native", TimeScale: 120}).site()
	code := zipOf(compiled(t, "../examples/hook"))
	s.hook("CodeDeployHook_check", s.hookRole("hook", true), s.test+"/", code)
	s.hook("CodeDeployHook_mute", s.hookRole("mute", false), s.test+"/", code)

	id := s.deploy(s.revision("500"), "AfterAllowTestTraffic", "CodeDeployHook_check")
	info := s.ended(id)
	if info.Status != cd.DeploymentStatusFailed || info.ErrorInformation.Code != cd.ErrorCodeHookExecutionFailure ||
		*info.ErrorInformation.Message != "The deployment failed because one or more of the lifecycle event validation functions failed." {
		t.Fatalf("green answers 500, and the deployment ended as %s: %s\n%q", info.Status, why(info), s.logged("CodeDeployHook_check"))
	}
	if got := s.events(id); !strings.Contains(got, "AllowTestTraffic Succeeded, AfterAllowTestTraffic Failed, BeforeAllowTraffic Skipped") {
		t.Errorf("events: %s", got)
	}
	if back := s.ended(*info.RollbackInfo.RollbackDeploymentId); back.Status != cd.DeploymentStatusSucceeded {
		t.Fatalf("the rollback ended as %s", back.Status)
	}

	id = s.deploy(s.revision("200"), "BeforeInstall", "CodeDeployHook_mute")
	info = s.ended(id)
	if info.Status != cd.DeploymentStatusFailed || info.ErrorInformation.Code != cd.ErrorCodeHookExecutionFailure ||
		!strings.Contains(*info.ErrorInformation.Message, "timed out while waiting for a status callback") {
		t.Fatalf("nobody answers, and the deployment ended as %s: %s", info.Status, why(info))
	}
	s.ended(*info.RollbackInfo.RollbackDeploymentId)

	id = s.deploy(s.revision("200"), "AfterAllowTestTraffic", "CodeDeployHook_check", "AfterAllowTraffic", "CodeDeployHook_check")
	if info = s.ended(id); info.Status != cd.DeploymentStatusSucceeded {
		t.Fatalf("green is well, and the deployment ended as %s: %+v\n%s\n%q", info.Status, info.ErrorInformation, s.events(id), s.logged("CodeDeployHook_check"))
	}
	if got := s.logged("CodeDeployHook_check"); !strings.Contains(got, "shall not go on: "+s.test+"/ answered 500 Internal Server Error\n") {
		t.Errorf("the function's log is\n%s", got)
	}
	if got := s.logged("CodeDeployHook_mute"); !strings.Contains(got, "is not authorized to perform: codedeploy:PutLifecycleEventHookExecutionStatus") {
		t.Errorf("the mute function's log is\n%s", got)
	}
}

// logged are all lines of a function's log group.
func (r *rig) logged(function string) string {
	out, err := cloudwatchlogs.NewFromConfig(r.cfg).FilterLogEvents(r.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/" + function)})
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	for _, e := range out.Events {
		b.WriteString(*e.Message + "\n")
	}
	return b.String()
}

// A function that does not exist fails the deployment at once.
func TestAHookThatDoesNotExist(t *testing.T) {
	s := started(t, cloud.Options{Driver: "native", TimeScale: 600}).site()
	id := s.deploy(s.revision("200"), "BeforeInstall", "CodeDeployHook_none")
	if info := s.ended(id); info.Status != cd.DeploymentStatusFailed {
		t.Errorf("ended as %s: %s", info.Status, why(info))
	}
}

// The aws command and boto3 make, run and change functions, of a zip and of an image.
func TestClientsOnLambda(t *testing.T) {
	t.Parallel()
	r := started(t, cloud.Options{Driver: "native"})
	program := compiled(t, "internal/lambda/testdata/function")
	file := filepath.Join(t.TempDir(), "fn.zip")
	if err := os.WriteFile(file, zipOf(program), 0o600); err != nil {
		t.Fatal(err)
	}
	role := r.hookRole("fn", false)
	if got := r.aws("lambda", "create-function", "--function-name", "fn", "--runtime", "provided.al2023", "--handler", "bootstrap", "--role", role,
		"--zip-file", "fileb://"+file, "--query", "State"); got != "Pending" {
		t.Errorf("made as %s", got)
	}
	r.aws("lambda", "wait", "function-active-v2", "--function-name", "fn")
	payload, answer := filepath.Join(t.TempDir(), "payload"), filepath.Join(t.TempDir(), "answer")
	if err := os.WriteFile(payload, []byte(`{"do":"echo","text":"grüß"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	got := r.aws("lambda", "invoke", "--function-name", "fn", "--payload", "fileb://"+payload, "--log-type", "Tail", "--query", "[StatusCode,LogResult]", answer)
	status, log, _ := strings.Cut(got, "\t")
	if text := must(base64.StdEncoding.DecodeString(log)); status != "200" || !strings.Contains(string(text), "asked to echo\n") {
		t.Errorf("invoke says %s: %s", status, text)
	}
	if b := must(os.ReadFile(answer)); string(b) != `"grüß"` {
		t.Errorf("the answer is %s", b)
	}

	image := r.image("functions", program)
	r.python(`
import boto3, json
fn = boto3.client('lambda')
made = fn.create_function(FunctionName='img', PackageType='Image', Role='` + role + `', Code={'ImageUri': '` + image + `'}, Timeout=10)
assert made['PackageType'] == 'Image' and 'Runtime' not in made, made
got = fn.get_function(FunctionName='img')
assert got['Code']['RepositoryType'] == 'ECR' and '@sha256:' in got['Code']['ResolvedImageUri'], got
out = fn.invoke(FunctionName='img', Payload=b'{"do": "environment"}')
env = json.loads(out['Payload'].read())
assert out['StatusCode'] == 200 and out['ExecutedVersion'] == '$LATEST' and 'FunctionError' not in out, out
assert 'AWS_LAMBDA_FUNCTION_NAME=img' in env['env'], env
out = fn.invoke(FunctionName='img', Payload=b'{"do": "fail", "text": "no"}')
assert out['FunctionError'] == 'Unhandled' and json.loads(out['Payload'].read())['errorMessage'] == 'no'
version = fn.publish_version(FunctionName='fn')['Version']
alias = fn.create_alias(FunctionName='fn', Name='live', FunctionVersion=version)
out = fn.invoke(FunctionName=alias['AliasArn'], Payload=b'{"do": "environment"}')
env = json.loads(out['Payload'].read())
assert out['ExecutedVersion'] == '1' and env['arn'] == alias['AliasArn'] and 'AWS_LAMBDA_FUNCTION_VERSION=1' in env['env'], (out, env)
fn.add_permission(FunctionName='fn', StatementId='s', Action='lambda:InvokeFunction', Principal='events.amazonaws.com')
assert json.loads(fn.get_policy(FunctionName='fn')['Policy'])['Statement'][0]['Sid'] == 's'
fn.update_function_configuration(FunctionName='fn', Timeout=7, Environment={'Variables': {'COLOUR': 'b'}})
assert fn.get_function_configuration(FunctionName='fn')['Timeout'] == 7
assert sorted(f['FunctionName'] for f in fn.list_functions()['Functions']) == ['fn', 'img']
assert fn.invoke(FunctionName='fn', InvocationType='Event', Payload=b'{}')['StatusCode'] == 202
fn.tag_resource(Resource=alias['AliasArn'].rsplit(':', 1)[0], Tags={'k': 'v'})
assert fn.list_tags(Resource=alias['AliasArn'].rsplit(':', 1)[0])['Tags'] == {'k': 'v'}
fn.delete_function(FunctionName='img')
try:
    fn.get_function(FunctionName='img')
except fn.exceptions.ResourceNotFoundException as e:
    assert 'Function not found' in str(e)
else:
    raise AssertionError('still there')
try:
    fn.create_function(FunctionName='x', PackageType='Image', Role='` + role + `', Code={'ImageUri': '` + image + `0'})
except fn.exceptions.InvalidParameterValueException as e:
    assert 'does not exist' in str(e), e
else:
    raise AssertionError('made of no image')
`)
}

// Who invokes needs lambda:InvokeFunction, and who makes a function hands on its role.
func TestWhoMayInvoke(t *testing.T) {
	r := started(t, cloud.Options{Driver: "fake"})
	r.hook("fn", r.hookRole("fn", false), "", zipOf([]byte("x")))
	name := "caller"
	client := iam.NewFromConfig(r.cfg)
	must(client.CreateUser(r.Context(), &iam.CreateUserInput{UserName: &name}))
	key := must(client.CreateAccessKey(r.Context(), &iam.CreateAccessKeyInput{UserName: &name})).AccessKey
	a := accountOf(t, r.Cloud)
	fn := lambda.NewFromConfig(a.as(*key.AccessKeyId, *key.SecretAccessKey))
	dry := &lambda.InvokeInput{FunctionName: aws.String("fn"), InvocationType: types.InvocationTypeDryRun}
	_, err := fn.Invoke(t.Context(), dry)
	if err == nil || !strings.Contains(err.Error(), "not authorized to perform: lambda:InvokeFunction on resource: arn:aws:lambda:us-east-1:123456789012:function:fn") {
		t.Errorf("without permission: %v", err)
	}
	doc, _ := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{
		"Effect": "Allow", "Action": "lambda:InvokeFunction", "Resource": "arn:aws:lambda:us-east-1:123456789012:function:fn",
	}}})
	must(client.PutUserPolicy(r.Context(), &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("p"), PolicyDocument: aws.String(string(doc))}))
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if _, err = fn.Invoke(t.Context(), dry); err == nil || time.Now().After(end) {
			break
		}
	}
	if err != nil {
		t.Errorf("with permission: %v", err)
	}
}

// A function's zip may have 50 MB, which are more on the wire.
func TestALargeFunction(t *testing.T) {
	r := newAccount(t)
	noise := make([]byte, 30<<20)
	_, _ = rand.Read(noise) // never fails
	code := zipOf(noise)
	out := must(lambda.NewFromConfig(r.cfg).CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String("f"), Role: aws.String(r.role("runs", "lambda.amazonaws.com")), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"),
		Code: &types.FunctionCode{ZipFile: code},
	}))
	if out.CodeSize != int64(len(code)) {
		t.Errorf("%d bytes of %d", out.CodeSize, len(code))
	}
}
