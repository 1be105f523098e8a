package lifecycle

import (
	"cmp"
	"path"
	"slices"
	"strings"
	"time"
)

// Image is what rules look at.
type Image struct {
	Digest   string
	Tags     []string
	Pushed   time.Time
	Pulled   time.Time // zero for never
	Archived time.Time // when it went to the archive; zero when it is not there
	Children []string  // manifests that an index lists
}

// Decision is what a policy does to one image.
type Decision struct {
	Image    Image
	Priority int32 // of the rule
	Archive  bool  // moved to the archive, else removed
}

// Apply decides what the policy does at a time. Decisions are ordered by the rules'
// priority, then by age, the newest image first.
func (p *Policy) Apply(images []Image, now time.Time) []Decision {
	images = slices.Clone(images)
	slices.SortStableFunc(images, func(a, b Image) int {
		return cmp.Or(b.Pushed.Compare(a.Pushed), strings.Compare(a.Digest, b.Digest))
	})
	taken := map[string]bool{} // by a rule of higher priority
	var marked []Decision
	for i := range p.Rules {
		r := &p.Rules[i]
		var mine []Image
		for _, img := range images {
			if r.Selection.asksFor(img) {
				mine = append(mine, img)
			}
		}
		for n, img := range mine {
			if !taken[img.Digest] && r.Selection.due(n, img, now) {
				marked = append(marked, Decision{Image: img, Priority: r.Priority, Archive: r.Action.Type == transition})
			}
		}
		for _, img := range mine {
			taken[img.Digest] = true
		}
	}
	return withoutListed(images, marked)
}

// asksFor tells whether a rule is about images of this kind.
func (s *Selection) asksFor(img Image) bool {
	if (s.class() == archive) == img.Archived.IsZero() {
		return false
	}
	switch s.TagStatus {
	case anyTag:
		return true
	case untagged:
		return len(img.Tags) == 0
	}
	for _, prefix := range s.TagPrefixes {
		if !slices.ContainsFunc(img.Tags, func(t string) bool { return strings.HasPrefix(t, prefix) }) {
			return false
		}
	}
	for _, pattern := range s.TagPatterns {
		if !slices.ContainsFunc(img.Tags, func(t string) bool { return matches(pattern, t) }) {
			return false
		}
	}
	return len(img.Tags) > 0
}

// matches tells whether a tag, which has no slash, matches a pattern in which only "*" is
// special.
func matches(pattern, tag string) bool {
	quoted := strings.NewReplacer(`\`, `\\`, `?`, `\?`, `[`, `\[`).Replace(pattern)
	ok, err := path.Match(quoted, tag)
	return err == nil && ok
}

// due tells whether the n-th newest image of a selection is to go.
func (s *Selection) due(n int, img Image, now time.Time) bool {
	if s.CountType == countMoreThan {
		return n >= s.CountNumber
	}
	since := img.Pushed
	switch s.CountType {
	case sincePulled:
		if img.Pulled.After(since) {
			since = img.Pulled
		}
	case sinceTransitioned:
		since = img.Archived
	}
	return now.Sub(since) > time.Duration(s.CountNumber)*24*time.Hour
}

// withoutListed keeps manifests whose index stays.
func withoutListed(images []Image, marked []Decision) []Decision {
	going := map[string]bool{}
	for _, d := range marked {
		going[d.Image.Digest] = true
	}
	for changed := true; changed; { // an index that stays keeps an index that it lists
		changed = false
		for _, img := range images {
			if going[img.Digest] {
				continue
			}
			for _, c := range img.Children {
				changed = changed || going[c]
				delete(going, c)
			}
		}
	}
	return slices.DeleteFunc(marked, func(d Decision) bool { return !going[d.Image.Digest] })
}
