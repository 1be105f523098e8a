package lambda

import (
	"context"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/turnoutdev/turnout/cloud/internal/ids"
	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// PublishVersion makes a version of $LATEST that never changes, unless the newest version
// is the same.
func (s *Service) PublishVersion(_ context.Context, in *lambda.PublishVersionInput, _ ...func(*lambda.Options)) (*lambda.PublishVersionOutput, error) {
	var made revision
	err := s.Store.Update(func(tx *store.Tx) error {
		f, err := s.find(tx, in.FunctionName, aws.String(latest))
		switch {
		case err != nil:
			return err
		case in.RevisionId != nil && *in.RevisionId != *f.Config.RevisionId:
			return errStale
		case in.CodeSha256 != nil && *in.CodeSha256 != *f.Config.CodeSha256:
			return invalid("CodeSHA256 (%s) is different from current CodeSHA256 in $LATEST (%s). Please try again with the CodeSHA256 in $LATEST.", *in.CodeSha256, *f.Config.CodeSha256)
		}
		made = s.publish(tx, &f.function, f.revision, in.Description)
		s.t.functions.Put(tx, f.Name, f.function)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return answer[lambda.PublishVersionOutput](made.Config), nil
}

// publish copies $LATEST, unless nothing has changed since the newest version. The caller
// stores f.
func (s *Service) publish(tx *store.Tx, f *function, r revision, description *string) revision {
	newest, ok := s.t.revisions.Get(tx, key(f.Name, strconv.Itoa(f.Last)))
	if ok && newest.Of == aws.ToString(r.Config.RevisionId) {
		return newest
	}
	f.Last++
	r.Of = aws.ToString(r.Config.RevisionId)
	version := strconv.Itoa(f.Last)
	r.Config.Version, r.Config.FunctionArn, r.Config.RevisionId = &version, aws.String(s.qualified(f.Name, version)), aws.String(ids.UUID())
	take(&r.Config.Description, description)
	s.t.revisions.Put(tx, key(f.Name, version), r)
	return r
}
