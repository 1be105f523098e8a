package push

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecr/types"

	"github.com/turnoutdev/turnout/internal/awsclient/awstest"
	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/run"
)

func TestTheLoginToARegistry(t *testing.T) {
	token := func(text string) *ecr.GetAuthorizationTokenOutput {
		return &ecr.GetAuthorizationTokenOutput{AuthorizationData: []types.AuthorizationData{{AuthorizationToken: &text}}}
	}
	for name, c := range map[string]struct {
		out   *ecr.GetAuthorizationTokenOutput
		words string
	}{
		"well":                  {token(base64.StdEncoding.EncodeToString([]byte("AWS:pass:word"))), ""},
		"none":                  {&ecr.GetAuthorizationTokenOutput{}, "ECR gave no authorization token"},
		"not base64":            {token("AWS:password"), "ECR gave a token of an unknown form"},
		"without a password":    {token(base64.StdEncoding.EncodeToString([]byte("AWS"))), "ECR gave a token of an unknown form"},
		"without a token in it": {&ecr.GetAuthorizationTokenOutput{AuthorizationData: make([]types.AuthorizationData, 1)}, "ECR gave a token of an unknown form"},
	} {
		a, _ := awstest.New(t, awstest.Always[ecr.GetAuthorizationTokenInput](c.out))
		auth, err := login(t.Context(), a.ECR())
		if c.words == "" && (err != nil || auth.Username != "AWS" || auth.Password != "pass:word") || c.words != "" && (err == nil || err.Error() != c.words) {
			t.Errorf("%s: %+v, %v", name, auth, err)
		}
	}
}

func TestARepositoryThatIsMissing(t *testing.T) {
	a, cloud := awstest.New(t, awstest.Refused[ecr.DescribeRepositoriesInput, ecr.DescribeRepositoriesOutput](&types.RepositoryNotFoundException{}))
	r := &run.Run{AWS: a, Config: &config.Config{}}
	if _, err := repository(t.Context(), r); fault.Code(err) != fault.Usage || !strings.Contains(fault.Hint(err), "turnout provision") {
		t.Error(err)
	}
	cloud.Set(awstest.Always[ecr.DescribeRepositoriesInput](&ecr.DescribeRepositoriesOutput{Repositories: []types.Repository{{RepositoryUri: aws.String("r/web")}}}))
	if uri, err := repository(t.Context(), r); err != nil || uri != "r/web" {
		t.Errorf("%s, %v", uri, err)
	}
}
