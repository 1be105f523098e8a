package lifecycle

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var now = time.Date(2026, 3, 31, 12, 0, 0, 0, time.UTC)

// aged makes an image that was pushed some days ago.
func aged(name string, days int, tags ...string) Image {
	return Image{Digest: name, Tags: tags, Pushed: now.AddDate(0, 0, -days).Add(-time.Minute)}
}

func rule(priority int, selection, action string) string {
	return fmt.Sprintf(`{"rulePriority":%d,"selection":{%s},"action":{%s}}`, priority, selection, action)
}

func doc(rules ...string) string { return `{"rules":[` + strings.Join(rules, ",") + `]}` }

const (
	doExpire  = `"type":"expire"`
	doArchive = `"type":"transition","targetStorageClass":"archive"`
)

func TestApply(t *testing.T) {
	prod := func(n int) string {
		return fmt.Sprintf(`"tagStatus":"tagged","tagPrefixList":["prod"],"countType":"imageCountMoreThan","countNumber":%d`, n)
	}
	all := func(n int) string {
		return fmt.Sprintf(`"tagStatus":"any","countType":"imageCountMoreThan","countNumber":%d`, n)
	}
	const oldUntagged = `"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":14`
	for name, tc := range map[string]struct {
		policy string
		images []Image
		want   string // digest:priority, in order
	}{
		"count keeps the newest": {
			doc(rule(1, all(2), doExpire)),
			[]Image{aged("c", 3), aged("a", 1), aged("b", 2)}, "c:1",
		},
		"age in days": {
			doc(rule(1, oldUntagged, doExpire)),
			[]Image{aged("young", 13), aged("old", 14), aged("tagged", 30, "v1")}, "old:1",
		},
		"lower number first, whatever the order": {
			doc(rule(2, all(1), doExpire), rule(1, oldUntagged, doExpire)),
			[]Image{aged("a", 1, "x"), aged("b", 2, "y"), aged("c", 20)}, "c:1 b:2",
		},
		"tags that a rule asks for are its alone": {
			doc(rule(1, prod(2), doExpire), rule(2, all(1), doExpire)),
			[]Image{aged("a", 1, "prod1"), aged("b", 2, "prod2"), aged("c", 3, "prod3"), aged("d", 4, "test")}, "c:1 d:2",
		},
		"all prefixes must be met": {
			doc(rule(1, `"tagStatus":"tagged","tagPrefixList":["alpha","beta"],"countType":"imageCountMoreThan","countNumber":1`, doExpire)),
			[]Image{aged("a", 1, "alpha1", "beta1"), aged("b", 2, "alpha2"), aged("c", 3, "beta2", "alpha3")}, "c:1",
		},
		"patterns": {
			doc(rule(1, `"tagStatus":"tagged","tagPatternList":["*-rc*"],"countType":"imageCountMoreThan","countNumber":1`, doExpire)),
			[]Image{aged("a", 1, "v1-rc1"), aged("b", 2, "v1"), aged("c", 3, "v0-rc9")}, "c:1",
		},
		"what an index lists stays with it": {
			doc(rule(1, `"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":1`, doExpire)),
			[]Image{
				{Digest: "index", Tags: []string{"v1"}, Pushed: now.AddDate(0, 0, -9), Children: []string{"child"}},
				aged("child", 9), aged("alone", 9),
			}, "alone:1",
		},
		"an index goes with its parts": {
			doc(rule(1, `"tagStatus":"untagged","countType":"sinceImagePushed","countUnit":"days","countNumber":1`, doExpire)),
			[]Image{{Digest: "index", Pushed: now.AddDate(0, 0, -8), Children: []string{"child"}}, aged("child", 9)}, "index:1 child:1",
		},
		"unpulled images are archived, pulled ones stay": {
			doc(rule(1, `"tagStatus":"any","countType":"sinceImagePulled","countUnit":"days","countNumber":90`, doArchive)),
			[]Image{aged("never", 100), {Digest: "pulled", Pushed: now.AddDate(0, 0, -100), Pulled: now.AddDate(0, 0, -1)}}, "never:1",
		},
		"archived images expire": {
			doc(rule(1, `"tagStatus":"any","storageClass":"archive","countType":"sinceImageTransitioned","countUnit":"days","countNumber":90`, doExpire)),
			[]Image{aged("standard", 300), {Digest: "archived", Pushed: now.AddDate(-1, 0, 0), Archived: now.AddDate(0, 0, -91)}}, "archived:1",
		},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := Parse(tc.policy)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, d := range p.Apply(tc.images, now) {
				got = append(got, fmt.Sprintf("%s:%d", d.Image.Digest, d.Priority))
			}
			if s := strings.Join(got, " "); s != tc.want {
				t.Errorf("got %s, want %s", s, tc.want)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	const any1 = `"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1`
	for name, tc := range map[string]struct{ policy, want string }{
		"no JSON":             {`{`, "not a lifecycle policy"},
		"unknown member":      {`{"rules":[],"x":1}`, `unknown field "x"`},
		"no rules":            {`{"rules":[]}`, "1 to 50 rules"},
		"more behind":         {doc(rule(1, any1, doExpire)) + "{}", "behind its end"},
		"priority":            {doc(rule(0, any1, doExpire)), "rule 1: rulePriority"},
		"same priority":       {doc(rule(1, `"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":1`, doExpire), rule(1, any1, doExpire)), "not unique"},
		"any is last":         {doc(rule(1, any1, doExpire), rule(2, `"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":1`, doExpire)), "highest rulePriority"},
		"one untagged":        {doc(rule(1, `"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":1`, doExpire), rule(2, `"tagStatus":"untagged","countType":"imageCountMoreThan","countNumber":2`, doExpire)), "only one rule"},
		"tagged needs tags":   {doc(rule(1, `"tagStatus":"tagged","countType":"imageCountMoreThan","countNumber":1`, doExpire)), "tagPrefixList or tagPatternList"},
		"both lists":          {doc(rule(1, `"tagStatus":"tagged","tagPrefixList":["a"],"tagPatternList":["b"],"countType":"imageCountMoreThan","countNumber":1`, doExpire)), "exclude each other"},
		"any with tags":       {doc(rule(1, any1+`,"tagPrefixList":["a"]`, doExpire)), "takes neither"},
		"wildcards":           {doc(rule(1, `"tagStatus":"tagged","tagPatternList":["*a*b*c*d*"],"countType":"imageCountMoreThan","countNumber":1`, doExpire)), "wildcards"},
		"status":              {doc(rule(1, `"tagStatus":"x","countType":"imageCountMoreThan","countNumber":1`, doExpire)), `tagStatus "x"`},
		"count":               {doc(rule(1, `"tagStatus":"any","countType":"imageCountMoreThan","countNumber":0`, doExpire)), "countNumber"},
		"count type":          {doc(rule(1, `"tagStatus":"any","countType":"x","countNumber":1`, doExpire)), `countType "x"`},
		"unit missing":        {doc(rule(1, `"tagStatus":"any","countType":"sinceImagePushed","countNumber":1`, doExpire)), "needs countUnit"},
		"unit superfluous":    {doc(rule(1, any1+`,"countUnit":"days"`, doExpire)), "takes no countUnit"},
		"class":               {doc(rule(1, any1+`,"storageClass":"archive"`, doExpire)), "storageClass standard only"},
		"action":              {doc(rule(1, any1, `"type":"x"`)), `action "x"`},
		"transition nowhere":  {doc(rule(1, any1, `"type":"transition"`)), "targetStorageClass archive"},
		"expire with a place": {doc(rule(1, any1, doExpire+`,"targetStorageClass":"archive"`)), "takes neither"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(tc.policy)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %s", err, tc.want)
			}
		})
	}
}

// No policy, however odd, removes an image twice or one that it was not given.
func FuzzPolicy(f *testing.F) {
	f.Add(doc(rule(1, `"tagStatus":"any","countType":"imageCountMoreThan","countNumber":1`, doExpire)))
	f.Add(doc(rule(2, `"tagStatus":"tagged","tagPatternList":["*-[x"],"countType":"sinceImagePushed","countUnit":"days","countNumber":1`, doExpire)))
	f.Add(doc(rule(1, `"tagStatus":"any","countType":"sinceImagePulled","countUnit":"days","countNumber":9`, doArchive)))
	images := []Image{aged("a", 1, "v1", "prod-[x"), aged("b", 20), aged("c", 300, "v2"), {Digest: "i", Pushed: now, Children: []string{"b"}}}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := Parse(text)
		if err != nil {
			return
		}
		seen := map[string]bool{}
		for _, d := range p.Apply(images, now) {
			if seen[d.Image.Digest] || len(d.Image.Digest) != 1 {
				t.Errorf("%+v", d)
			}
			seen[d.Image.Digest] = true
		}
	})
}
