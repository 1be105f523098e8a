package secretsmanager

import (
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/turnoutdev/turnout/cloud/internal/arn"
	"github.com/turnoutdev/turnout/cloud/internal/seal"
	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

// open is the service on a state file, and the SDK's client of it.
func open(t *testing.T, file string) (*sm.Client, *store.Store) {
	t.Helper()
	st, err := store.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() }) // twice is fine
	box, err := seal.Open(st)
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(Options{Store: st, Seal: box, Place: arn.Place{Partition: "aws", Account: "123456789012", Region: "us-east-1"}})
	if err != nil {
		t.Fatal(err)
	}
	h := wire.NewServer(wire.Options{Services: []*wire.Service{wire.SecretsManager(s.Ops())}})
	return sm.New(sm.Options{Region: "us-east-1", BaseEndpoint: aws.String("http://cloud.local"), RetryMaxAttempts: 1, Credentials: aws.AnonymousCredentials{}, HTTPClient: &http.Client{Transport: wire.Transport(h)}}), st
}

func code(err error) string {
	var api smithy.APIError
	switch {
	case err == nil:
		return "ok"
	case errors.As(err, &api):
		return api.ErrorCode()
	}
	return err.Error()
}

func valueOf(t *testing.T, c *sm.Client, id, stage string) string {
	t.Helper()
	in := &sm.GetSecretValueInput{SecretId: &id}
	if stage != "" {
		in.VersionStage = &stage
	}
	out, err := c.GetSecretValue(t.Context(), in)
	if err != nil {
		return code(err)
	}
	return aws.ToString(out.SecretString) + string(out.SecretBinary)
}

func TestVersionsAndStages(t *testing.T) {
	c, _ := open(t, "")
	ctx := t.Context()
	made, err := c.CreateSecret(ctx, &sm.CreateSecretInput{Name: aws.String("prod/db"), SecretString: aws.String("one"), ClientRequestToken: aws.String("11111111-1111-1111-1111-111111111111")})
	if err != nil || !strings.HasPrefix(*made.ARN, "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-") || *made.VersionId != "11111111-1111-1111-1111-111111111111" {
		t.Fatalf("%+v, %v", made, err)
	}
	short := (*made.ARN)[:len(*made.ARN)-7]
	for _, id := range []string{"prod/db", *made.ARN, short} {
		if got := valueOf(t, c, id, ""); got != "one" {
			t.Errorf("%s: %s", id, got)
		}
	}
	if got := valueOf(t, c, short+"-ABCDEF", ""); got != "ResourceNotFoundException" {
		t.Errorf("another secret's ARN: %s", got)
	}
	// The same call again, and another one.
	for text, want := range map[string]string{"one": "ok", "two": "ResourceExistsException"} {
		_, err := c.CreateSecret(ctx, &sm.CreateSecretInput{Name: aws.String("prod/db"), SecretString: &text, ClientRequestToken: made.VersionId})
		if code(err) != want {
			t.Errorf("created again with %q: %v", text, err)
		}
	}
	second, err := c.PutSecretValue(ctx, &sm.PutSecretValueInput{SecretId: aws.String("prod/db"), SecretBinary: []byte("two")})
	if err != nil || strings.Join(second.VersionStages, " ") != "AWSCURRENT" {
		t.Fatalf("%+v, %v", second, err)
	}
	if got := valueOf(t, c, "prod/db", "") + valueOf(t, c, "prod/db", "AWSPREVIOUS") + valueOf(t, c, "prod/db", "NONE"); got != "twooneResourceNotFoundException" {
		t.Error(got)
	}
	// Back to the first.
	move := &sm.UpdateSecretVersionStageInput{SecretId: aws.String("prod/db"), VersionStage: aws.String("AWSCURRENT"), MoveToVersionId: made.VersionId}
	if _, err := c.UpdateSecretVersionStage(ctx, move); code(err) != "InvalidParameterException" {
		t.Errorf("moved without saying from where: %v", err)
	}
	move.RemoveFromVersionId = second.VersionId
	if _, err := c.UpdateSecretVersionStage(ctx, move); err != nil {
		t.Fatal(err)
	}
	if got := valueOf(t, c, "prod/db", "") + valueOf(t, c, "prod/db", "AWSPREVIOUS"); got != "onetwo" {
		t.Error(got)
	}
	d, err := c.DescribeSecret(ctx, &sm.DescribeSecretInput{SecretId: aws.String("prod/db")})
	if err != nil || strings.Join(d.VersionIdsToStages[*made.VersionId], " ") != "AWSCURRENT" || len(d.VersionIdsToStages) != 2 {
		t.Errorf("%+v, %v", d, err)
	}
}

func TestDeletion(t *testing.T) {
	c, _ := open(t, "")
	ctx, id := t.Context(), aws.String("temporary")
	if _, err := c.CreateSecret(ctx, &sm.CreateSecretInput{Name: id, SecretString: aws.String("x"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("web")}}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.DeleteSecret(ctx, &sm.DeleteSecretInput{SecretId: id, RecoveryWindowInDays: aws.Int64(3)}); code(err) != "InvalidParameterException" {
		t.Error(err)
	}
	if _, err := c.DeleteSecret(ctx, &sm.DeleteSecretInput{SecretId: id}); err != nil {
		t.Fatal(err)
	}
	if got := valueOf(t, c, *id, ""); got != "InvalidRequestException" {
		t.Error(got)
	}
	if l, err := c.ListSecrets(ctx, &sm.ListSecretsInput{}); err != nil || len(l.SecretList) != 0 {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := c.CreateSecret(ctx, &sm.CreateSecretInput{Name: id}); code(err) != "InvalidRequestException" {
		t.Error(err)
	}
	if _, err := c.RestoreSecret(ctx, &sm.RestoreSecretInput{SecretId: id}); err != nil || valueOf(t, c, *id, "") != "x" {
		t.Error(err)
	}
	l, err := c.ListSecrets(ctx, &sm.ListSecretsInput{Filters: []types.Filter{{Key: types.FilterNameStringTypeTagKey, Values: []string{"team"}}}})
	if err != nil || len(l.SecretList) != 1 {
		t.Errorf("%+v, %v", l, err)
	}
	if _, err := c.DeleteSecret(ctx, &sm.DeleteSecretInput{SecretId: id, ForceDeleteWithoutRecovery: aws.Bool(true)}); err != nil || valueOf(t, c, *id, "") != "ResourceNotFoundException" {
		t.Error(err)
	}
}

func TestValuesAreSealedAndSurvive(t *testing.T) {
	file := filepath.Join(t.TempDir(), "state.db")
	c, st := open(t, file)
	if _, err := c.CreateSecret(t.Context(), &sm.CreateSecretInput{Name: aws.String("kept"), SecretString: aws.String("planted-value")}); err != nil {
		t.Fatal(err)
	}
	if err := st.Close(); err != nil {
		t.Fatal(err)
	}
	again, _ := open(t, file)
	if got := valueOf(t, again, "kept", ""); got != "planted-value" {
		t.Error(got)
	}
}

func TestRandomPasswords(t *testing.T) {
	c, _ := open(t, "")
	out, err := c.GetRandomPassword(t.Context(), &sm.GetRandomPasswordInput{PasswordLength: aws.Int64(8), ExcludePunctuation: aws.Bool(true), ExcludeCharacters: aws.String("abc")})
	if err != nil || len(*out.RandomPassword) != 8 || strings.ContainsAny(*out.RandomPassword, "abc!#$") || !strings.ContainsAny(*out.RandomPassword, "0123456789") {
		t.Errorf("%v, %v", out, err)
	}
	if _, err := c.GetRandomPassword(t.Context(), &sm.GetRandomPasswordInput{PasswordLength: aws.Int64(2)}); code(err) != "InvalidParameterException" {
		t.Error(err)
	}
}
