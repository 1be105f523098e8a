package codedeploy

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// RegisterApplicationRevision makes a revision known that may be deployed later.
func (s *Service) RegisterApplicationRevision(_ context.Context, in *codedeploy.RegisterApplicationRevisionInput, _ ...func(*codedeploy.Options)) (*codedeploy.RegisterApplicationRevisionOutput, error) {
	return &codedeploy.RegisterApplicationRevisionOutput{}, s.Store.Update(func(tx *store.Tx) error {
		a, err := s.appOf(tx, in.ApplicationName)
		if err != nil {
			return err
		}
		if err := checkDescription(in.Description); err != nil {
			return err
		}
		loc, content, err := checkRevision(in.Revision, a.Platform)
		if err != nil {
			return err
		}
		if _, known := s.t.revisions.Get(tx, revisionKey(a.Name, &loc)); content == "" && inlined(&loc) && !known {
			return badRevision("The content of the revision must be specified")
		}
		s.register(tx, a.Name, loc, content, aws.ToString(in.Description), time.Time{})
		return nil
	})
}

// inlined tells whether a revision's content is kept here.
func inlined(l *types.RevisionLocation) bool { return l.AppSpecContent != nil || l.String_ != nil }

func noRevision() error {
	return &types.RevisionDoesNotExistException{Message: text("The named revision does not exist with the user or AWS account.")}
}

// GetApplicationRevision gives a revision, with its content where the sha256 names it.
func (s *Service) GetApplicationRevision(_ context.Context, in *codedeploy.GetApplicationRevisionInput, _ ...func(*codedeploy.Options)) (*codedeploy.GetApplicationRevisionOutput, error) {
	var out *codedeploy.GetApplicationRevisionOutput
	var err error
	s.Store.View(func(tx *store.Tx) {
		var a application
		if a, err = s.appOf(tx, in.ApplicationName); err != nil {
			return
		}
		var loc types.RevisionLocation
		if loc, _, err = checkRevision(in.Revision, a.Platform); err != nil {
			return
		}
		r, ok := s.lookup(tx, a.Name, &loc)
		if !ok {
			err = noRevision()
			return
		}
		out = &codedeploy.GetApplicationRevisionOutput{ApplicationName: in.ApplicationName, Revision: r.location(), RevisionInfo: s.revisionInfo(tx, a.Name, &r)}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// BatchGetApplicationRevisions gives up to 25 revisions. Those that are not there are told
// in the answer's error message.
func (s *Service) BatchGetApplicationRevisions(_ context.Context, in *codedeploy.BatchGetApplicationRevisionsInput, _ ...func(*codedeploy.Options)) (*codedeploy.BatchGetApplicationRevisionsOutput, error) {
	out := &codedeploy.BatchGetApplicationRevisionsOutput{ApplicationName: in.ApplicationName, Revisions: []types.RevisionInfo{}}
	var err error
	s.Store.View(func(tx *store.Tx) {
		var a application
		if a, err = s.appOf(tx, in.ApplicationName); err != nil {
			return
		}
		switch n := len(in.Revisions); {
		case n == 0:
			_, _, err = checkRevision(nil, a.Platform)
		case n > 25:
			err = overBatch("revisions", 25)
		}
		for i := 0; err == nil && i < len(in.Revisions); i++ {
			var loc types.RevisionLocation
			if loc, _, err = checkRevision(&in.Revisions[i], a.Platform); err != nil {
				return
			}
			r, ok := s.lookup(tx, a.Name, &loc)
			if !ok {
				out.ErrorMessage = text("The named revision does not exist with the user or AWS account.")
				continue
			}
			out.Revisions = append(out.Revisions, types.RevisionInfo{RevisionLocation: r.location(), GenericRevisionInfo: s.revisionInfo(tx, a.Name, &r)})
		}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// checkListRevisions checks the filters of a list of revisions.
func checkListRevisions(in *codedeploy.ListApplicationRevisionsInput) error {
	switch {
	case in.SortBy != "" && !oneOf(in.SortBy, in.SortBy.Values()):
		return &types.InvalidSortByException{Message: text("The column name to sort by must be registerTime, firstUsedTime or lastUsedTime.")}
	case in.SortOrder != "" && !oneOf(in.SortOrder, in.SortOrder.Values()):
		return &types.InvalidSortOrderException{Message: text("The sort order must be ascending or descending.")}
	case in.Deployed != "" && !oneOf(in.Deployed, in.Deployed.Values()):
		return &types.InvalidDeployedStateFilterException{Message: text("The deployed state filter must be include, exclude or ignore.")}
	case in.S3KeyPrefix != nil && in.S3Bucket == nil:
		return &types.BucketNameFilterRequiredException{Message: text("A bucket name is required, but was not provided.")}
	}
	return nil
}

// listed tells whether a revision passes the filters.
func (s *Service) listed(tx *store.Tx, app string, in *codedeploy.ListApplicationRevisionsInput, r *revision) bool {
	if in.S3Bucket != nil {
		o := r.Location.S3Location
		if o == nil || aws.ToString(o.Bucket) != *in.S3Bucket || !strings.HasPrefix(aws.ToString(o.Key), aws.ToString(in.S3KeyPrefix)) {
			return false
		}
	}
	if in.Deployed == types.ListStateFilterActionInclude || in.Deployed == types.ListStateFilterActionExclude {
		return (len(s.groupsWith(tx, app, &r.Location)) > 0) == (in.Deployed == types.ListStateFilterActionInclude)
	}
	return true
}

// ListApplicationRevisions lists where revisions are, in the order of a time.
func (s *Service) ListApplicationRevisions(_ context.Context, in *codedeploy.ListApplicationRevisionsInput, _ ...func(*codedeploy.Options)) (*codedeploy.ListApplicationRevisionsOutput, error) {
	var all []revision
	var err error
	s.Store.View(func(tx *store.Tx) {
		var a application
		if a, err = s.appOf(tx, in.ApplicationName); err != nil {
			return
		}
		if err = checkListRevisions(in); err != nil {
			return
		}
		for _, r := range s.t.revisions.All(tx, a.Name+"\x00") {
			if s.listed(tx, a.Name, in, &r) {
				all = append(all, r)
			}
		}
	})
	if err != nil {
		return nil, err
	}
	at := func(r revision) time.Time {
		switch in.SortBy {
		case types.ApplicationRevisionSortByFirstUsedTime:
			return r.FirstUsed
		case types.ApplicationRevisionSortByLastUsedTime:
			return r.LastUsed
		}
		return r.Registered
	}
	key := func(r revision) string { return revisionKey("", &r.Location) }
	slices.SortFunc(all, func(a, b revision) int {
		if in.SortOrder == types.SortOrderDescending {
			a, b = b, a
		}
		return cmp.Or(at(a).Compare(at(b)), cmp.Compare(key(a), key(b)))
	})
	part, next, err := cut(all, key, in.NextToken)
	if err != nil {
		return nil, err
	}
	out := &codedeploy.ListApplicationRevisionsOutput{Revisions: []types.RevisionLocation{}, NextToken: next}
	for _, r := range part {
		out.Revisions = append(out.Revisions, r.Location)
	}
	return out, nil
}
