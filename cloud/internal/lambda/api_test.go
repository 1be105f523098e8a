package lambda

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime/fake"
)

func TestAFunctionsLife(t *testing.T) {
	r := open(t)
	zip := zipped(t, map[string][]byte{"bootstrap": []byte("one")})
	made := r.create("fn", zip, func(in *lambda.CreateFunctionInput) { in.Tags = map[string]string{"team": "web"} })
	if made.State != types.StatePending || *made.FunctionArn != "arn:aws:lambda:us-east-1:123456789012:function:fn" || *made.Version != "$LATEST" ||
		*made.Timeout != 3 || *made.MemorySize != 128 || made.CodeSize != int64(len(zip)) || len(*made.CodeSha256) != 44 {
		t.Errorf("made %+v", made)
	}
	if err := lambda.NewFunctionActiveV2Waiter(r).Wait(bg, &lambda.GetFunctionInput{FunctionName: aws.String("fn")}, 1); err != nil {
		t.Error(err)
	}
	got, err := r.GetFunction(bg, &lambda.GetFunctionInput{FunctionName: made.FunctionArn})
	if err != nil || got.Configuration.State != types.StateActive || got.Tags["team"] != "web" || got.Configuration.LastUpdateStatus != types.LastUpdateStatusSuccessful {
		t.Errorf("got %+v, %v", got, err)
	}
	_, err = r.CreateFunction(bg, &lambda.CreateFunctionInput{
		FunctionName: aws.String("fn"), Role: aws.String(role), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("x"), Code: &types.FunctionCode{ZipFile: zip},
	})
	wantError(t, err, "ResourceConflictException", "Function already exist: fn")

	changed, err := r.UpdateFunctionConfiguration(bg, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("fn"), Timeout: aws.Int32(9), RevisionId: made.RevisionId})
	if err != nil || *changed.Timeout != 9 || changed.LastUpdateStatus != types.LastUpdateStatusInProgress || *changed.RevisionId == *made.RevisionId {
		t.Errorf("changed %+v, %v", changed, err)
	}
	_, err = r.UpdateFunctionConfiguration(bg, &lambda.UpdateFunctionConfigurationInput{FunctionName: aws.String("fn"), RevisionId: made.RevisionId})
	wantError(t, err, "PreconditionFailedException", "does not match the latest Revision Id")
	code, err := r.UpdateFunctionCode(bg, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("fn"), ZipFile: zipped(t, map[string][]byte{"bootstrap": []byte("two")})})
	if err != nil || *code.CodeSha256 == *made.CodeSha256 || *code.Timeout != 9 {
		t.Errorf("changed %+v, %v", code, err)
	}
	list, err := r.ListFunctions(bg, &lambda.ListFunctionsInput{})
	if err != nil || len(list.Functions) != 1 || *list.Functions[0].CodeSha256 != *code.CodeSha256 {
		t.Errorf("list %+v, %v", list, err)
	}
	if _, err := r.DeleteFunction(bg, &lambda.DeleteFunctionInput{FunctionName: aws.String("fn")}); err != nil {
		t.Error(err)
	}
	_, err = r.DeleteFunction(bg, &lambda.DeleteFunctionInput{FunctionName: aws.String("fn")})
	wantError(t, err, "ResourceNotFoundException", "Function not found")
}

func TestFunctionsThatAreRefused(t *testing.T) {
	r := open(t)
	zip := zipped(t, map[string][]byte{"bootstrap": nil})
	for _, c := range []struct {
		edit func(*lambda.CreateFunctionInput)
		text string
	}{
		{func(in *lambda.CreateFunctionInput) { in.Role = aws.String("arn:aws:iam::123456789012:role/other") }, "The role defined for the function cannot be assumed by Lambda."},
		{func(in *lambda.CreateFunctionInput) { in.Runtime = types.RuntimePython312 }, "no runtime python3.12: it runs provided.al2023"},
		{func(in *lambda.CreateFunctionInput) { in.Runtime = types.RuntimeGo1x }, "no longer supported"},
		{func(in *lambda.CreateFunctionInput) { in.Handler = nil }, "Runtime and Handler are mandatory"},
		{func(in *lambda.CreateFunctionInput) { in.FunctionName = aws.String("a b") }, "failed to satisfy constraint"},
		{func(in *lambda.CreateFunctionInput) { in.Code.ZipFile = []byte("no zip") }, "Could not unzip uploaded file."},
		{func(in *lambda.CreateFunctionInput) { in.Code.ZipFile = zipped(t, map[string][]byte{"../x": nil}) }, "Could not unzip uploaded file."},
		{func(in *lambda.CreateFunctionInput) { in.Code = &types.FunctionCode{} }, "Please provide a source for function code."},
		{func(in *lambda.CreateFunctionInput) { in.Layers = []string{"arn"} }, "no layers"},
		{func(in *lambda.CreateFunctionInput) {
			in.Environment = &types.Environment{Variables: map[string]string{"AWS_REGION": "x", "OK": "y"}}
		}, "Reserved keys used in this request: AWS_REGION"},
		{func(in *lambda.CreateFunctionInput) { in.PackageType = types.PackageTypeImage }, "Please don't provide Handler or Runtime"},
	} {
		in := &lambda.CreateFunctionInput{
			FunctionName: aws.String("fn"), Role: aws.String(role), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Code: &types.FunctionCode{ZipFile: zip},
		}
		c.edit(in)
		_, err := r.CreateFunction(bg, in)
		wantError(t, err, "InvalidParameterValueException", c.text)
	}
}

func TestVersionsAndAliases(t *testing.T) {
	r := open(t)
	r.create("fn", zipped(t, map[string][]byte{"bootstrap": []byte("1")}))
	publish := func() string {
		t.Helper()
		out, err := r.PublishVersion(bg, &lambda.PublishVersionInput{FunctionName: aws.String("fn"), Description: aws.String("d")})
		if err != nil {
			t.Fatal(err)
		}
		return *out.Version
	}
	if a, b := publish(), publish(); a != "1" || b != "1" {
		t.Errorf("the same code is published as %s and %s", a, b)
	}
	code, err := r.UpdateFunctionCode(bg, &lambda.UpdateFunctionCodeInput{FunctionName: aws.String("fn"), ZipFile: zipped(t, map[string][]byte{"bootstrap": []byte("2")}), Publish: true})
	if err != nil || *code.Version != "2" || !strings.HasSuffix(*code.FunctionArn, ":fn:2") {
		t.Errorf("published %+v, %v", code, err)
	}
	versions, err := r.ListVersionsByFunction(bg, &lambda.ListVersionsByFunctionInput{FunctionName: aws.String("fn")})
	if err != nil || len(versions.Versions) != 3 || *versions.Versions[0].Version != "$LATEST" || *versions.Versions[2].Version != "2" {
		t.Errorf("versions %+v, %v", versions, err)
	}

	a, err := r.CreateAlias(bg, &lambda.CreateAliasInput{FunctionName: aws.String("fn"), Name: aws.String("live"), FunctionVersion: aws.String("1")})
	if err != nil || *a.AliasArn != "arn:aws:lambda:us-east-1:123456789012:function:fn:live" {
		t.Fatalf("alias %+v, %v", a, err)
	}
	got, err := r.GetFunctionConfiguration(bg, &lambda.GetFunctionConfigurationInput{FunctionName: a.AliasArn})
	if err != nil || *got.Version != "1" || *got.FunctionArn != *a.AliasArn {
		t.Errorf("by its alias it is %+v, %v", got, err)
	}
	_, err = r.CreateAlias(bg, &lambda.CreateAliasInput{FunctionName: aws.String("fn"), Name: aws.String("live"), FunctionVersion: aws.String("1")})
	wantError(t, err, "ResourceConflictException", "Alias already exists")
	_, err = r.CreateAlias(bg, &lambda.CreateAliasInput{FunctionName: aws.String("fn"), Name: aws.String("x"), FunctionVersion: aws.String("9")})
	wantError(t, err, "ResourceNotFoundException", "function:fn:9")
	_, err = r.DeleteFunction(bg, &lambda.DeleteFunctionInput{FunctionName: aws.String("fn"), Qualifier: aws.String("1")})
	wantError(t, err, "ResourceConflictException", "alias live")

	half := &types.AliasRoutingConfiguration{AdditionalVersionWeights: map[string]float64{"2": 0.5}}
	if _, err := r.UpdateAlias(bg, &lambda.UpdateAliasInput{FunctionName: aws.String("fn"), Name: aws.String("live"), RoutingConfig: half}); err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for range 200 {
		f, err := r.get(aws.String("fn"), aws.String("live"))
		if err != nil {
			t.Fatal(err)
		}
		seen[f.version]++
	}
	if seen["1"] < 50 || seen["2"] < 50 {
		t.Errorf("of 200 invocations %v", seen)
	}
	if _, err := r.DeleteAlias(bg, &lambda.DeleteAliasInput{FunctionName: aws.String("fn"), Name: aws.String("live")}); err != nil {
		t.Error(err)
	}
	list, err := r.ListAliases(bg, &lambda.ListAliasesInput{FunctionName: aws.String("fn")})
	if err != nil || len(list.Aliases) != 0 {
		t.Errorf("aliases %+v, %v", list, err)
	}
}

func TestPermissions(t *testing.T) {
	r := open(t)
	r.create("fn", zipped(t, map[string][]byte{"bootstrap": nil}))
	_, err := r.GetPolicy(bg, &lambda.GetPolicyInput{FunctionName: aws.String("fn")})
	wantError(t, err, "ResourceNotFoundException", "The resource you requested does not exist.")
	add := &lambda.AddPermissionInput{
		FunctionName: aws.String("fn"), StatementId: aws.String("events"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("events.amazonaws.com"), SourceArn: aws.String("arn:x"),
	}
	out, err := r.AddPermission(bg, add)
	const want = `{"Sid":"events","Effect":"Allow","Principal":{"Service":"events.amazonaws.com"},"Action":"lambda:InvokeFunction",` +
		`"Resource":"arn:aws:lambda:us-east-1:123456789012:function:fn","Condition":{"ArnLike":{"AWS:SourceArn":"arn:x"}}}`
	if err != nil || *out.Statement != want {
		t.Errorf("added %+v, %v", out, err)
	}
	_, err = r.AddPermission(bg, add)
	wantError(t, err, "ResourceConflictException", "The statement id (events) provided already exists.")
	p, err := r.GetPolicy(bg, &lambda.GetPolicyInput{FunctionName: aws.String("fn")})
	var doc struct{ Statement []map[string]any }
	if err != nil || json.Unmarshal([]byte(*p.Policy), &doc) != nil || len(doc.Statement) != 1 {
		t.Errorf("policy %+v, %v", p, err)
	}
	remove := &lambda.RemovePermissionInput{FunctionName: aws.String("fn"), StatementId: aws.String("events")}
	if _, err := r.RemovePermission(bg, remove); err != nil {
		t.Error(err)
	}
	_, err = r.RemovePermission(bg, remove)
	wantError(t, err, "ResourceNotFoundException", "Statement events is not found")
}

func TestTagsAndSettings(t *testing.T) {
	r := open(t)
	id := r.create("fn", zipped(t, map[string][]byte{"bootstrap": nil})).FunctionArn
	if _, err := r.TagResource(bg, &lambda.TagResourceInput{Resource: id, Tags: map[string]string{"a": "1", "b": "2"}}); err != nil {
		t.Error(err)
	}
	if _, err := r.UntagResource(bg, &lambda.UntagResourceInput{Resource: id, TagKeys: []string{"a"}}); err != nil {
		t.Error(err)
	}
	tags, err := r.ListTags(bg, &lambda.ListTagsInput{Resource: id})
	if err != nil || len(tags.Tags) != 1 || tags.Tags["b"] != "2" {
		t.Errorf("tags %+v, %v", tags, err)
	}
	if _, err := r.PutFunctionConcurrency(bg, &lambda.PutFunctionConcurrencyInput{FunctionName: id, ReservedConcurrentExecutions: aws.Int32(5)}); err != nil {
		t.Error(err)
	}
	_, err = r.PutFunctionConcurrency(bg, &lambda.PutFunctionConcurrencyInput{FunctionName: id, ReservedConcurrentExecutions: aws.Int32(901)})
	wantError(t, err, "InvalidParameterValueException", "below its minimum value of [100]")
	got, err := r.GetFunction(bg, &lambda.GetFunctionInput{FunctionName: id})
	if err != nil || *got.Concurrency.ReservedConcurrentExecutions != 5 {
		t.Errorf("got %+v, %v", got, err)
	}
	account, err := r.GetAccountSettings(bg, &lambda.GetAccountSettingsInput{})
	if err != nil || account.AccountUsage.FunctionCount != 1 || *account.AccountLimit.UnreservedConcurrentExecutions != 995 {
		t.Errorf("account %+v, %v", account, err)
	}
}

// A new process knows the functions, and forgets code that none has.
func TestFunctionsSurviveARestart(t *testing.T) {
	dir, state := t.TempDir(), filepath.Join(t.TempDir(), "state.db")
	r := with(t, fake.New(fake.Options{}), dir, state)
	r.create("kept", zipped(t, map[string][]byte{"bootstrap": []byte("a")}))
	r.create("gone", zipped(t, map[string][]byte{"bootstrap": []byte("b")}))
	if _, err := r.DeleteFunction(bg, &lambda.DeleteFunctionInput{FunctionName: aws.String("gone")}); err != nil {
		t.Fatal(err)
	}
	if err := r.Store.Close(); err != nil {
		t.Fatal(err)
	}
	again := with(t, fake.New(fake.Options{}), dir, state)
	got, err := again.get(aws.String("kept"), nil)
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir(filepath.Join(dir, "code"))
	if err != nil || len(files) != 1 || files[0].Name() != got.Code.Zip {
		t.Errorf("code %v, %v", files, err)
	}
}

func TestListsInPages(t *testing.T) {
	r := open(t)
	for _, n := range []string{"c", "a", "b"} {
		r.create(n, zipped(t, map[string][]byte{"bootstrap": nil}))
	}
	p := lambda.NewListFunctionsPaginator(r, &lambda.ListFunctionsInput{MaxItems: aws.Int32(2)})
	var names []string
	for p.HasMorePages() {
		out, err := p.NextPage(bg)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range out.Functions {
			names = append(names, *f.FunctionName)
		}
	}
	if !slices.Equal(names, []string{"a", "b", "c"}) {
		t.Errorf("pages of %v", names)
	}
}
