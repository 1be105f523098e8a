package iam

import (
	"embed"
	"hash/fnv"
	"io/fs"
	"path"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
)

// managedFiles are AWS's own policies: the file's name is the policy's, its folder the
// path.
//
//go:embed managed
var managedFiles embed.FS

// managedSince stands for the creation dates of AWS's policies.
var managedSince = time.Date(2018, 11, 27, 17, 26, 0, 0, time.UTC)

// managedPolicies reads AWS's own policies, by ARN.
func managedPolicies(partition string) (map[string]managed, error) {
	out := map[string]managed{}
	err := fs.WalkDir(managedFiles, "managed", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		doc, err := managedFiles.ReadFile(file)
		if err != nil {
			return err
		}
		full := strings.TrimSuffix(strings.TrimPrefix(file, "managed"), ".json")
		id := strings.ReplaceAll("arn:aws:iam::aws:policy"+full, "arn:aws:", "arn:"+partition+":")
		dir := strings.TrimSuffix(path.Dir(full), "/") + "/"
		out[id] = managed{
			Desc: types.Policy{
				Arn: aws.String(id), PolicyName: aws.String(path.Base(full)), Path: aws.String(dir),
				PolicyId: aws.String("ANPA" + stableID(id)), DefaultVersionId: aws.String("v1"), IsAttachable: true,
				CreateDate: &managedSince, UpdateDate: &managedSince,
			},
			Versions: []types.PolicyVersion{{
				VersionId: aws.String("v1"), IsDefaultVersion: true, CreateDate: &managedSince,
				Document: aws.String(strings.ReplaceAll(string(doc), "arn:aws:", "arn:"+partition+":")),
			}},
			Last: 1,
		}
		return nil
	})
	return out, err
}

// stableID makes 17 characters of a policy's ARN, the same in every cloud.
func stableID(of string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
	h := fnv.New128a()
	_, _ = h.Write([]byte(of)) // never fails
	sum := h.Sum(nil)
	out := make([]byte, 17)
	for i := range out {
		out[i] = alphabet[sum[i%len(sum)]>>(i/len(sum))&31]
	}
	return string(out)
}

// isAWS tells AWS's own policies by their ARN.
func isAWS(id string) bool { return strings.Contains(id, ":iam::aws:policy/") }
