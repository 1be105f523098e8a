package codedeploy

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

func badRevision(format string, args ...any) error {
	return &types.InvalidRevisionException{Message: text(format, args...)}
}

// checkRevision checks a location for a platform and gives it in the form in which it is
// kept and shown, which has no content; content is what it had of its own.
func checkRevision(in *types.RevisionLocation, p types.ComputePlatform) (loc types.RevisionLocation, content string, err error) {
	if in == nil {
		return loc, "", &types.RevisionRequiredException{Message: text("RevisionLocation must be specified")}
	}
	kind, err := kindOf(in)
	if err != nil {
		return loc, "", err
	}
	loc.RevisionType = kind
	switch kind {
	case types.RevisionLocationTypeAppSpecContent:
		content, loc.AppSpecContent, err = inline(in.AppSpecContent.Content, in.AppSpecContent.Sha256)
	case types.RevisionLocationTypeString:
		var a *types.AppSpecContent
		if content, a, err = inline(in.String_.Content, in.String_.Sha256); err == nil {
			loc.String_ = &types.RawString{Sha256: a.Sha256}
		}
	case types.RevisionLocationTypeS3:
		loc.S3Location, err = in.S3Location, checkS3(in.S3Location, p)
	case types.RevisionLocationTypeGitHub:
		loc.GitHubLocation, err = in.GitHubLocation, nil
		if p != types.ComputePlatformServer {
			err = badRevision("For %s deployment, the revision type can not be GitHub", p)
		}
	}
	return loc, content, err
}

// kindOf is the type of a location, told or seen; it has the body of that type alone.
func kindOf(in *types.RevisionLocation) (types.RevisionLocationType, error) {
	var bodies []types.RevisionLocationType
	for kind, there := range map[types.RevisionLocationType]bool{
		types.RevisionLocationTypeAppSpecContent: in.AppSpecContent != nil, types.RevisionLocationTypeString: in.String_ != nil,
		types.RevisionLocationTypeS3: in.S3Location != nil, types.RevisionLocationTypeGitHub: in.GitHubLocation != nil,
	} {
		if there {
			bodies = append(bodies, kind)
		}
	}
	kind := in.RevisionType
	if kind == "" && len(bodies) == 1 {
		kind = bodies[0]
	}
	switch {
	case !oneOf(kind, kind.Values()):
		return "", badRevision("The revision type must be S3, GitHub, String or AppSpecContent")
	case len(bodies) != 1 || bodies[0] != kind:
		return "", badRevision("A revision of type %s must have the location of that type, and no other", kind)
	}
	return kind, nil
}

// inline checks a content that stands in the request; a sha256 alone names one that has
// been registered.
func inline(content, sum *string) (string, *types.AppSpecContent, error) {
	if aws.ToString(content) == "" {
		if aws.ToString(sum) == "" {
			return "", nil, badRevision("The content of the revision must be specified")
		}
		return "", &types.AppSpecContent{Sha256: sum}, nil
	}
	h := sha256.Sum256([]byte(*content))
	is := hex.EncodeToString(h[:])
	if aws.ToString(sum) != "" && *sum != is {
		return "", nil, badRevision("The sha256 of the revision does not match its content: it is %s, not %s", is, *sum)
	}
	return *content, &types.AppSpecContent{Sha256: &is}, nil
}

func checkS3(l *types.S3Location, p types.ComputePlatform) error {
	switch {
	case aws.ToString(l.Bucket) == "":
		return badRevision("The bucket of the S3 location must be specified")
	case aws.ToString(l.Key) == "":
		return badRevision("The key of the S3 location must be specified")
	case p == types.ComputePlatformServer && oneOf(l.BundleType, l.BundleType.Values()):
		return nil
	case p == types.ComputePlatformServer:
		return badRevision("BundleType must be one of tar, tgz, zip, YAML and JSON")
	case l.BundleType != types.BundleTypeYaml && l.BundleType != types.BundleTypeJson:
		return badRevision("BundleType must be either YAML or JSON")
	}
	return nil
}

// revisionKey names a revision of an application.
func revisionKey(app string, l *types.RevisionLocation) string {
	parts := []string{app, string(l.RevisionType)}
	switch {
	case l.AppSpecContent != nil:
		parts = append(parts, aws.ToString(l.AppSpecContent.Sha256))
	case l.String_ != nil:
		parts = append(parts, aws.ToString(l.String_.Sha256))
	case l.S3Location != nil:
		o := l.S3Location
		parts = append(parts, aws.ToString(o.Bucket), aws.ToString(o.Key), string(o.BundleType), aws.ToString(o.Version), aws.ToString(o.ETag))
	case l.GitHubLocation != nil:
		parts = append(parts, aws.ToString(l.GitHubLocation.Repository), aws.ToString(l.GitHubLocation.CommitId))
	}
	return strings.Join(parts, "\x00")
}

// lookup finds a registered revision; an S3 location without version and ETag finds the
// newest of its object.
func (s *Service) lookup(tx *store.Tx, app string, l *types.RevisionLocation) (revision, bool) {
	key := revisionKey(app, l)
	if r, ok := s.t.revisions.Get(tx, key); ok || l.S3Location == nil {
		return r, ok
	}
	var found revision
	ok := false
	for _, r := range s.t.revisions.All(tx, strings.TrimRight(key, "\x00")+"\x00") {
		if !ok || r.Registered.After(found.Registered) {
			found, ok = r, true
		}
	}
	return found, ok
}

// register stores a revision, or adds to what is known of it.
func (s *Service) register(tx *store.Tx, app string, l types.RevisionLocation, content, note string, used time.Time) {
	key := revisionKey(app, &l)
	r, known := s.t.revisions.Get(tx, key)
	if !known {
		r = revision{Location: l, Content: content, Registered: s.Clock.Now(), Note: note}
	}
	if used.IsZero() && note != "" { // registered by hand
		r.Note = note
	}
	if !used.IsZero() {
		if r.FirstUsed.IsZero() {
			r.FirstUsed = used
		}
		r.LastUsed = used
	}
	s.t.revisions.Put(tx, key, r)
}

// location is a revision with its content, which only the revision's own operations show.
func (r *revision) location() *types.RevisionLocation {
	l := r.Location
	switch {
	case l.AppSpecContent != nil:
		l.AppSpecContent = &types.AppSpecContent{Content: &r.Content, Sha256: l.AppSpecContent.Sha256}
	case l.String_ != nil:
		l.String_ = &types.RawString{Content: &r.Content, Sha256: l.String_.Sha256}
	}
	return &l
}

func (s *Service) revisionInfo(tx *store.Tx, app string, r *revision) *types.GenericRevisionInfo {
	info := &types.GenericRevisionInfo{
		RegisterTime: when(r.Registered), FirstUsedTime: when(r.FirstUsed), LastUsedTime: when(r.LastUsed), DeploymentGroups: s.groupsWith(tx, app, &r.Location),
	}
	if r.Note != "" {
		info.Description = &r.Note
	}
	return info
}

// groupsWith are the groups whose target revision this is.
func (s *Service) groupsWith(tx *store.Tx, app string, l *types.RevisionLocation) []string {
	out := []string{}
	key := revisionKey(app, l)
	for _, g := range s.t.groups.All(tx, app+"\x00") {
		if d, ok := s.lastGood(tx, &g.Info); ok && revisionKey(app, &d.Revision) == key {
			out = append(out, aws.ToString(g.Info.DeploymentGroupName))
		}
	}
	return out
}

// lastGood is a group's last successful deployment.
func (s *Service) lastGood(tx *store.Tx, g *types.DeploymentGroupInfo) (deployment, bool) {
	all := s.newest(tx, g)
	i := slices.IndexFunc(all, func(d deployment) bool { return d.Status == types.DeploymentStatusSucceeded })
	if i < 0 {
		return deployment{}, false
	}
	return all[i], true
}
