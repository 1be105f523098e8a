package iam

import (
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"github.com/turnoutdev/turnout/cloud/internal/wire"
)

func TestAccount(t *testing.T) {
	s := newService(t)
	s.makeRole(t, "r")
	_, err := s.CreateAccountAlias(bg, &iam.CreateAccountAliasInput{AccountAlias: aws.String("my-account")})
	must(t, 0, err)
	list, err := s.ListAccountAliases(bg, &iam.ListAccountAliasesInput{})
	if a := must(t, list, err).AccountAliases; len(a) != 1 || a[0] != "my-account" {
		t.Errorf("aliases are %v", a)
	}
	_, err = s.DeleteAccountAlias(bg, &iam.DeleteAccountAliasInput{AccountAlias: aws.String("other")})
	wantError(t, err, "NoSuchEntity", "The account alias other cannot be found.")
	_, err = s.DeleteAccountAlias(bg, &iam.DeleteAccountAliasInput{AccountAlias: aws.String("my-account")})
	must(t, 0, err)
	sum, err := s.GetAccountSummary(bg, &iam.GetAccountSummaryInput{})
	if m := must(t, sum, err).SummaryMap; m["Roles"] != 1 || m["RolesQuota"] != 1000 {
		t.Errorf("summed up %v", m)
	}
}

func TestAuthorizationDetails(t *testing.T) {
	s := newService(t)
	s.makeRole(t, "r")
	s.makeUser(t, "u")
	s.makePolicy(t, "p", allowECS)
	_, err := s.CreateGroup(bg, &iam.CreateGroupInput{GroupName: aws.String("g")})
	must(t, 0, err)
	_, err = s.AddUserToGroup(bg, &iam.AddUserToGroupInput{GroupName: aws.String("g"), UserName: aws.String("u")})
	must(t, 0, err)
	_, err = s.PutGroupPolicy(bg, &iam.PutGroupPolicyInput{GroupName: aws.String("g"), PolicyName: aws.String("x"), PolicyDocument: aws.String(allowECS)})
	must(t, 0, err)
	_, err = s.AttachRolePolicy(bg, &iam.AttachRolePolicyInput{RoleName: aws.String("r"), PolicyArn: aws.String(execution)})
	must(t, 0, err)
	out, err := s.GetAccountAuthorizationDetails(bg, &iam.GetAccountAuthorizationDetailsInput{})
	d := must(t, out, err)
	if len(d.RoleDetailList) != 1 || len(d.UserDetailList) != 1 || len(d.GroupDetailList) != 1 || len(d.Policies) != 2 {
		t.Fatalf("there are %d roles, %d users, %d groups, %d policies", len(d.RoleDetailList), len(d.UserDetailList), len(d.GroupDetailList), len(d.Policies))
	}
	if d.UserDetailList[0].GroupList[0] != "g" || len(d.GroupDetailList[0].GroupPolicyList) != 1 || len(d.RoleDetailList[0].AttachedManagedPolicies) != 1 {
		t.Errorf("details are %+v", d)
	}
	out, err = s.GetAccountAuthorizationDetails(bg, &iam.GetAccountAuthorizationDetailsInput{Filter: []types.EntityType{types.EntityTypeLocalManagedPolicy}})
	if d := must(t, out, err); len(d.Policies) != 1 || len(d.RoleDetailList) != 0 {
		t.Errorf("filtered to %+v", d)
	}
}

// client is the SDK's, signing with the root user's key and reaching s without a socket.
func client(s *Service) *iam.Client {
	id, secret := s.RootKey()
	v := &wire.Verifier{Credentials: s, Region: place.Region}
	h := wire.NewServer(wire.Options{Services: []*wire.Service{wire.IAM(s.Ops())}, Authenticate: v.Authenticate})
	return iam.New(iam.Options{
		Region: place.Region, BaseEndpoint: aws.String("http://cloud.local"), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(id, secret, ""),
		HTTPClient:  &http.Client{Transport: wire.Transport(h)},
	})
}

// The real client, over the wire: signatures, statuses of errors, documents' encoding.
func TestOverTheWire(t *testing.T) {
	s := newService(t)
	c := client(s)
	_, err := c.CreateRole(bg, &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String(trustECS)})
	must(t, 0, err)
	got, err := c.GetRole(bg, &iam.GetRoleInput{RoleName: aws.String("r")})
	if d := *must(t, got, err).Role.AssumeRolePolicyDocument; !strings.HasPrefix(d, "%7B%22") {
		t.Errorf("the trust policy comes as %s", d)
	}
	_, err = c.GetRole(bg, &iam.GetRoleInput{RoleName: aws.String("no")})
	wantError(t, err, "NoSuchEntity", "The role with name no cannot be found.")
	if !strings.Contains(err.Error(), "StatusCode: 404") {
		t.Errorf("the status is not 404: %v", err)
	}
	_, err = c.CreateRole(bg, &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String(trustECS)})
	if err == nil || !strings.Contains(err.Error(), "StatusCode: 409") {
		t.Errorf("the status is not 409: %v", err)
	}
}

// The SDK's waiters end.
func TestWaiters(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newService(t)
		go func() {
			time.Sleep(3 * time.Second)
			s.makeRole(t, "r")
			s.makeUser(t, "u")
		}()
		if err := iam.NewRoleExistsWaiter(s).Wait(bg, &iam.GetRoleInput{RoleName: aws.String("r")}, time.Minute); err != nil {
			t.Error(err)
		}
		if err := iam.NewUserExistsWaiter(s).Wait(bg, &iam.GetUserInput{UserName: aws.String("u")}, time.Minute); err != nil {
			t.Error(err)
		}
		arn := s.makePolicy(t, "p", allowECS)
		if err := iam.NewPolicyExistsWaiter(s).Wait(bg, &iam.GetPolicyInput{PolicyArn: arn}, time.Minute); err != nil {
			t.Error(err)
		}
	})
}
