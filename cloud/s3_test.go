package cloud_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/turnoutdev/turnout/cloud"
)

// The aws command copies, syncs, lists, moves, deletes and presigns; what is larger than
// eight megabytes it sends in parts.
func TestS3OfTheCommand(t *testing.T) {
	t.Parallel()
	r := started(t, cloud.Options{Driver: "fake"})
	dir := t.TempDir()
	for name, size := range map[string]int{"small.txt": 5, "v2/large.bin": 9 << 20, "sub/ü n.txt": 0} {
		file := filepath.Join(dir, "from", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, bytes.Repeat([]byte("x"), size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	script := filepath.Join(dir, "script")
	if err := os.WriteFile(script, []byte(`set -e
cd "$1"
aws s3 mb s3://artifacts >/dev/null
aws s3 sync --no-progress from s3://artifacts/tree >/dev/null
aws s3 sync --no-progress from s3://artifacts/tree
aws s3 cp --no-progress s3://artifacts/tree to --recursive >/dev/null
diff -r from to
aws s3 ls s3://artifacts/tree/ | awk '{print $NF}'
echo streamed | aws s3 cp - s3://artifacts/streamed
aws s3 cp s3://artifacts/streamed -
aws s3 mv s3://artifacts/streamed s3://artifacts/moved >/dev/null
curl -sS "$(aws s3 presign s3://artifacts/moved)"
aws s3api head-object --bucket artifacts --key tree/v2/large.bin --query '[ContentLength,ETag]' --output text
aws s3 rm s3://artifacts/tree/v2 --recursive >/dev/null
aws s3 rb s3://artifacts --force >/dev/null
aws s3 ls s3://artifacts 2>&1 || true
`), 0o600); err != nil {
		t.Fatal(err)
	}
	got := r.tool([]string{"aws", "--version"}, "sh", script, dir)
	if !strings.Contains(got, "sub/\nv2/\nsmall.txt\nstreamed\nstreamed\n9437184\t\"") || !strings.HasSuffix(got, "\n\nAn error occurred (NoSuchBucket) when calling the ListObjectsV2 operation: The specified bucket does not exist") {
		t.Errorf("%s", got)
	}
}

// boto3 reads, writes, lists and presigns by its own defaults, with each checksum that it
// has, and is told of errors by their names.
func TestS3OfBoto3(t *testing.T) {
	r := started(t, cloud.Options{Driver: "fake"})
	if got := r.python(`
import boto3, io, os, urllib.request
from boto3.s3.transfer import TransferConfig
from botocore.exceptions import ClientError
s3 = boto3.client("s3")
s3.create_bucket(Bucket="boto")
s3.put_bucket_versioning(Bucket="boto", VersioningConfiguration={"Status": "Enabled"})
s3.get_waiter("bucket_exists").wait(Bucket="boto")
ids = [s3.put_object(Bucket="boto", Key="k", Body=b"one", ChecksumAlgorithm=a)["VersionId"] for a in ("CRC32", "SHA1", "SHA256")]
assert len(set(ids)) == 3 and len(s3.list_object_versions(Bucket="boto")["Versions"]) == 3
body = os.urandom(11 << 20)
s3.upload_fileobj(io.BytesIO(body), "boto", "big", Config=TransferConfig(multipart_threshold=5 << 20, multipart_chunksize=5 << 20), ExtraArgs={"Metadata": {"a": "b"}})
into = io.BytesIO()
s3.download_fileobj("boto", "big", into)
assert into.getvalue() == body
assert s3.head_object(Bucket="boto", Key="big")["Metadata"] == {"a": "b"}
s3.copy({"Bucket": "boto", "Key": "big"}, "boto", "again")
assert s3.get_object(Bucket="boto", Key="again")["Body"].read() == body
url = s3.generate_presigned_url("get_object", Params={"Bucket": "boto", "Key": "k", "ResponseContentType": "text/y"})
with urllib.request.urlopen(url) as u:
    assert u.read() == b"one" and u.headers["Content-Type"] == "text/y"
for want, call in [("NoSuchKey", lambda: s3.get_object(Bucket="boto", Key="x")), ("404", lambda: s3.head_object(Bucket="boto", Key="x")),
                   ("NoSuchBucket", lambda: s3.get_object(Bucket="nowhere", Key="x")), ("NoSuchBucketPolicy", lambda: s3.get_bucket_policy(Bucket="boto")),
                   ("BucketNotEmpty", lambda: s3.delete_bucket(Bucket="boto"))]:
    try:
        call()
        assert False, want
    except ClientError as e:
        assert e.response["Error"]["Code"] == want, e
boto3.resource("s3").Bucket("boto").object_versions.delete()
s3.delete_bucket(Bucket="boto")
print("done")`); got != "done" {
		t.Error(got)
	}
}

// What S3 acknowledged is there after a restart, and who may not gets nothing.
func TestObjectsStay(t *testing.T) {
	o := cloud.Options{State: t.TempDir(), Driver: "fake"}
	r := started(t, o)
	client := s3.NewFromConfig(r.cfg, func(o *s3.Options) { o.UsePathStyle = true })
	b, k := aws.String("kept"), aws.String("k")
	must(client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: b}))
	must(client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: b, Key: k, Body: strings.NewReader("stays")}))
	if err := r.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	r = started(t, o)
	if got := r.aws("s3", "cp", "s3://kept/k", "-"); got != "stays" {
		t.Errorf("after a restart: %q", got)
	}
}

// A bucket's policy is evaluated with its callers' own: what either allows is allowed, what
// one denies is denied, and the root user can always mend it.
func TestBucketPolicies(t *testing.T) {
	r := started(t, cloud.Options{Driver: "fake"})
	if got := r.python(`
import boto3, json
from botocore.exceptions import ClientError
iam, sts, s3 = boto3.client("iam"), boto3.client("sts"), boto3.client("s3")
account = sts.get_caller_identity()["Account"]
def role(name, *statements):
    trust = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}]}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    if statements:
        iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    k = sts.assume_role(RoleArn=arn, RoleSessionName="session")["Credentials"]
    return arn, boto3.client("s3", aws_access_key_id=k["AccessKeyId"], aws_secret_access_key=k["SecretAccessKey"], aws_session_token=k["SessionToken"])
poor, reader = role("poor")
rich, writer = role("rich", {"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
s3.create_bucket(Bucket="ruled")
s3.put_object(Bucket="ruled", Key="open/a", Body=b"a")
def allow(*statements):
    s3.put_bucket_policy(Bucket="ruled", Policy=json.dumps({"Version": "2012-10-17", "Statement": list(statements)}))
def outcome(call):
    try:
        call()
        return "allowed"
    except ClientError as e:
        return e.response["Error"]["Code"] + (" by a resource-based policy" if "explicit deny in a resource-based policy" in e.response["Error"]["Message"] else "")
read = lambda c, key="open/a": outcome(lambda: c.get_object(Bucket="ruled", Key=key))
write = lambda c: outcome(lambda: c.put_object(Bucket="ruled", Key="k", Body=b""))
assert (read(reader), read(writer), write(writer)) == ("AccessDenied", "allowed", "allowed")
insecure = {"Sid": "TLS", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::ruled", "arn:aws:s3:::ruled/*"], "Condition": {"Bool": {"aws:SecureTransport": "false"}}}
allow(insecure, {"Effect": "Allow", "Principal": {"AWS": poor}, "Action": "s3:GetObject", "Resource": "arn:aws:s3:::ruled/open/*"},
      {"Effect": "Deny", "Principal": {"AWS": rich}, "Action": "s3:PutObject", "Resource": "arn:aws:s3:::ruled/*"})
assert (read(reader), read(reader, "k"), read(writer)) == ("allowed", "AccessDenied", "allowed")
assert write(writer) == "AccessDenied by a resource-based policy", write(writer)
allow({"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::ruled", "arn:aws:s3:::ruled/*"]})
assert read(s3).startswith("AccessDenied") and read(writer).startswith("AccessDenied")
s3.delete_bucket_policy(Bucket="ruled")
assert read(s3) == "allowed"
print("done")`); got != "done" {
		t.Error(got)
	}
}
