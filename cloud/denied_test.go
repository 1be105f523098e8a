package cloud_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/turnoutdev/turnout/cloud"
)

// managed makes a policy and returns its ARN.
func (r *account) managed(name, statement string) *string {
	r.t.Helper()
	return must(r.iam.CreatePolicy(r.t.Context(), &iam.CreatePolicyInput{PolicyName: &name, PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":` + statement + `}`)})).Policy.Arn
}

// session assumes a role, narrowed by a session policy or tagged if the input says so.
func (r *account) session(as aws.Config, in *sts.AssumeRoleInput) (aws.Config, error) {
	if in.RoleSessionName == nil {
		in.RoleSessionName = aws.String("s1")
	}
	out, err := sts.NewFromConfig(as).AssumeRole(r.t.Context(), in)
	if err != nil {
		return aws.Config{}, err
	}
	return r.as(*out.Credentials.AccessKeyId, *out.Credentials.SecretAccessKey, *out.Credentials.SessionToken), nil
}

const anything = "*"

// An AccessDenied names the caller, the action, the resource, and which kind of policy
// lacks the statement or has the one that denies.
func TestAccessDeniedTexts(t *testing.T) {
	r := newAccount(t)
	ctx := t.Context()
	user := func(name string, statements ...string) aws.Config { return r.user(name, statements...) }
	is := func(cfg aws.Config, name, why string) {
		t.Helper()
		_, err := ecs.NewFromConfig(cfg).DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String("prod"), Services: []string{"web"}})
		wantError(t, err, "AccessDeniedException", "User: arn:aws:"+name+" is not authorized to perform: ecs:DescribeServices on resource: "+
			"arn:aws:ecs:us-east-1:123456789012:service/prod/web "+why)
	}
	is(user("ann"), "iam::123456789012:user/ann", "because no identity-based policy allows the ecs:DescribeServices action")
	is(user("bob", allow(anything), deny("ecs:Describe*")), "iam::123456789012:user/bob", "with an explicit deny in an identity-based policy")

	cat := user("cat", allow(anything))
	no := r.managed("no-ecs", deny("ecs:*"))
	must(r.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("cat"), PolicyArn: no}))
	is(cat, "iam::123456789012:user/cat", "with an explicit deny in an identity-based policy: arn:aws:iam::123456789012:policy/no-ecs")

	dan := user("dan", allow(anything))
	only := r.managed("only-s3", allow("s3:*"))
	must(r.iam.PutUserPermissionsBoundary(ctx, &iam.PutUserPermissionsBoundaryInput{UserName: aws.String("dan"), PermissionsBoundary: only}))
	is(dan, "iam::123456789012:user/dan", "because no permissions boundary allows the ecs:DescribeServices action")
	must(r.iam.PutUserPermissionsBoundary(ctx, &iam.PutUserPermissionsBoundaryInput{UserName: aws.String("dan"), PermissionsBoundary: no}))
	is(dan, "iam::123456789012:user/dan", "with an explicit deny in a permissions boundary: arn:aws:iam::123456789012:policy/no-ecs")

	role := r.role("deploy", "arn:aws:iam::123456789012:root", allow(anything))
	narrow := func(statement string) aws.Config {
		return must(r.session(r.cfg, &sts.AssumeRoleInput{RoleArn: &role, Policy: aws.String(`{"Version":"2012-10-17","Statement":` + statement + `}`)}))
	}
	is(narrow(allow("s3:*")), "sts::123456789012:assumed-role/deploy/s1", "because no session policy allows the ecs:DescribeServices action")
	is(narrow(`[`+allow(anything)+`,`+deny("ecs:*")+`]`), "sts::123456789012:assumed-role/deploy/s1", "with an explicit deny in a session policy")

	// The query protocol has its own name for it; of a role that may not be assumed no more is told.
	eve := user("eve", allow("ecs:*"))
	_, err := iam.NewFromConfig(eve).ListUsers(ctx, &iam.ListUsersInput{})
	wantError(t, err, "AccessDenied", "User: arn:aws:iam::123456789012:user/eve is not authorized to perform: iam:ListUsers on resource: * because no identity-based policy allows the iam:ListUsers action")
	for _, name := range []string{"deploy", "nobody"} {
		arn := "arn:aws:iam::123456789012:role/" + name
		_, err = r.session(r.user("eve-"+name), &sts.AssumeRoleInput{RoleArn: &arn})
		wantError(t, err, "AccessDenied", "User: arn:aws:iam::123456789012:user/eve-"+name+" is not authorized to perform: sts:AssumeRole on resource: "+arn)
	}
}

// The default credentials can be held to a policy, so that a deployer's is tried where
// nothing can happen.
func TestRootIsHeldToAPolicy(t *testing.T) {
	r := newAccount(t, func(o *cloud.Options) {
		o.RootPolicy = `{"Version":"2012-10-17","Statement":[` + allow("iam:*", "ecs:ListClusters") + `]}`
	})
	must(r.ecs.ListClusters(t.Context(), &ecs.ListClustersInput{}))
	_, err := r.cd.ListApplications(t.Context(), &codedeploy.ListApplicationsInput{})
	wantError(t, err, "AccessDeniedException", "User: arn:aws:iam::123456789012:root is not authorized to perform: codedeploy:ListApplications on resource: * "+
		"because no identity-based policy allows the codedeploy:ListApplications action")
	admin := r.user("admin", allow(anything))
	must(codedeploy.NewFromConfig(admin).ListApplications(t.Context(), &codedeploy.ListApplicationsInput{}))

	_, err = cloud.Start(t.Context(), cloud.Options{Driver: "fake", RootPolicy: `{"Statement":[]}`})
	if err == nil || err.Error() != "cannot start the local cloud: the root user's policy: Policy document must be version 2012-10-17 or greater." {
		t.Errorf("%v", err)
	}
}
