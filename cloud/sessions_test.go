package cloud_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/turnoutdev/turnout/testkit"
)

// boto3 assumes roles with all that a request can have, and is told what a session may not.
func TestSessionsWithBoto3(t *testing.T) {
	t.Parallel()
	r := newAccount(t)
	if err := exec.Command("python3", "-c", "import boto3").Run(); err != nil {
		testkit.NeedOrSkip(t, "needs python3 with boto3")
	}
	id, secret := r.c.Credentials()
	cmd := exec.CommandContext(t.Context(), "python3", "-c", `
import base64, boto3, hmac, json, struct, time
from botocore.exceptions import ClientError

def client(name, k=None):
    if not k:
        return boto3.client(name)
    return boto3.client(name, aws_access_key_id=k["AccessKeyId"], aws_secret_access_key=k["SecretAccessKey"], aws_session_token=k.get("SessionToken"))

def refused(code, text, f, **args):
    try:
        f(**args)
    except ClientError as e:
        assert e.response["Error"]["Code"] == code and text in e.response["Error"]["Message"], e
        return
    assert False, "not refused: " + text

def code(seed, step):
    seed += b"=" * (-len(seed) % 8)
    h = hmac.new(base64.b32decode(seed), struct.pack(">Q", step), "sha1").digest()
    return "%06d" % ((struct.unpack(">I", h[h[19] & 15:(h[19] & 15) + 4])[0] & 0x7FFFFFFF) % 1000000)

iam = client("iam")
iam.create_user(UserName="ann")
iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*"}}))
key = iam.create_access_key(UserName="ann")["AccessKey"]
ann = {"AccessKeyId": key["AccessKeyId"], "SecretAccessKey": key["SecretAccessKey"]}
me = "arn:aws:iam::123456789012:user/ann"
def role(name, condition, actions=["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"], principal=me, **more):
    return iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": actions, "Condition": condition}}), **more)["Role"]["Arn"]

one = role("one", {"StringEquals": {"sts:ExternalId": "42", "aws:RequestTag/team": "a"}})
two = role("two", {"StringEquals": {"aws:PrincipalTag/team": "a", "aws:SourceIdentity": "ann"}}, principal=one, MaxSessionDuration=43200)
sts = client("sts", ann)
refused("AccessDenied", "not authorized to perform: sts:AssumeRole on resource: " + one, sts.assume_role, RoleArn=one, RoleSessionName="s1", Tags=[{"Key": "team", "Value": "a"}])
out = sts.assume_role(RoleArn=one, RoleSessionName="s1", ExternalId="42", SourceIdentity="ann", Tags=[{"Key": "team", "Value": "a"}], TransitiveTagKeys=["team"],
    Policy=json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ecs:ListClusters", "Resource": "*"}}))
assert out["SourceIdentity"] == "ann" and out["AssumedRoleUser"]["Arn"].endswith(":assumed-role/one/s1"), out
first = client("sts", out["Credentials"])
refused("ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining", first.assume_role, RoleArn=two, RoleSessionName="s2", DurationSeconds=7200)
out = first.assume_role(RoleArn=two, RoleSessionName="s2")
assert out["SourceIdentity"] == "ann", out
refused("AccessDeniedException", "because no identity-based policy allows the ecs:ListClusters action", client("ecs", out["Credentials"]).list_clusters)

phone = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
step = int(time.time()) // 30
seed = phone["Base32StringSeed"]
iam.enable_mfa_device(UserName="ann", SerialNumber=phone["SerialNumber"], AuthenticationCode1=code(seed, step - 1), AuthenticationCode2=code(seed, step))
assert iam.list_mfa_devices(UserName="ann")["MFADevices"][0]["SerialNumber"] == phone["SerialNumber"]
refused("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code.", sts.get_session_token, SerialNumber=phone["SerialNumber"], TokenCode=code(seed, step))
plain = sts.get_session_token()["Credentials"]
assert client("sts", plain).get_caller_identity()["Arn"] == me
refused("InvalidClientTokenId", "The security token included in the request is invalid", client("iam", plain).list_users)
strong = sts.get_session_token(SerialNumber=phone["SerialNumber"], TokenCode=code(seed, step + 1))["Credentials"]
assert client("iam", strong).list_users()["Users"]
careful = role("careful", {"Bool": {"aws:MultiFactorAuthPresent": "true"}})
refused("AccessDenied", "sts:AssumeRole", client("sts", plain).assume_role, RoleArn=careful, RoleSessionName="s3")
client("sts", strong).assume_role(RoleArn=careful, RoleSessionName="s3")
refused("InvalidAuthorizationMessageException", "Message is invalid", sts.decode_authorization_message, EncodedMessage="x")
`)
	cmd.Env = append(os.Environ(), "AWS_ENDPOINT_URL="+r.url, "AWS_ACCESS_KEY_ID="+id, "AWS_SECRET_ACCESS_KEY="+secret, "AWS_DEFAULT_REGION=us-east-1", "AWS_MAX_ATTEMPTS=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
