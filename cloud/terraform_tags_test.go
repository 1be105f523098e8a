package cloud_test

import (
	"testing"

	"github.com/turnoutdev/turnout/cloud"
)

// S3 Control's tags of buckets, as Terraform's provider reads and writes them. Its clients put
// the account before the endpoint's name, which the resolver must know.
func TestBotocoreOnTheTagsOfBuckets(t *testing.T) {
	r := started(t, cloud.Options{Driver: "fake"})
	r.python(`
import boto3, os, socket
from botocore.exceptions import ClientError
real = socket.getaddrinfo
socket.getaddrinfo = lambda host, *a, **k: real('127.0.0.1' if host.endswith('.127.0.0.1') else host, *a, **k)
control = boto3.client('s3control', endpoint_url=os.environ['AWS_ENDPOINT_URL'])
boto3.client('s3').create_bucket(Bucket='tagged', CreateBucketConfiguration={'Tags': [{'Key': 'team', 'Value': 'shop'}]})
it = {'AccountId': '123456789012', 'ResourceArn': 'arn:aws:s3:::tagged'}
tags = lambda: {t['Key']: t['Value'] for t in control.list_tags_for_resource(**it)['Tags']}
assert tags() == {'team': 'shop'}, tags()
control.tag_resource(**it, Tags=[{'Key': 'a b', 'Value': 'c & <d>'}])
assert tags() == {'team': 'shop', 'a b': 'c & <d>'}, tags()
assert len(boto3.client('s3').get_bucket_tagging(Bucket='tagged')['TagSet']) == 2
control.untag_resource(**it, TagKeys=['a b', 'team', 'none'])
assert tags() == {}, tags()
for change, want in [({'ResourceArn': 'arn:aws:s3:::none'}, 'NoSuchBucket'), ({'AccountId': '210987654321'}, 'AccessDenied'), ({'ResourceArn': 'arn:aws:s3:::tagged/key'}, 'InvalidRequest')]:
    try:
        control.list_tags_for_resource(**{**it, **change})
    except ClientError as e:
        assert e.response['Error']['Code'] == want, e
    else:
        raise AssertionError(want)
`)
}
