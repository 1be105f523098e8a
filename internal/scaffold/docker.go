package scaffold

import (
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// commands are the command lines of a script, with continued lines joined.
func commands(script string) []string {
	var out []string
	for line := range strings.SplitSeq(strings.ReplaceAll(script, "\\\n", " "), "\n") {
		out = append(out, strings.FieldsFunc(line, func(c rune) bool { return c == ';' || c == '&' || c == '|' })...)
	}
	return out
}

// The options of docker build that matter here, by their long names.
var short = map[string]string{"-t": "--tag", "-f": "--file"}

// Options of docker build that have no value.
var switches = []string{"--push", "--load", "--pull", "--no-cache", "--quiet", "-q", "--rm", "--squash", "--compress"}

// docker reads a command line, if it is docker build or docker buildx build.
func (r *reader) docker(line string) {
	words := strings.Fields(line)
	at := slices.Index(words, "build")
	if at < 1 || !slices.Contains([]string{"docker", "podman", "buildx", "buildah"}, path.Base(words[at-1])) {
		return
	}
	im := &r.p.Config.Image
	words = words[at+1:]
	for i := 0; i < len(words); i++ {
		word := unquote(words[i])
		if !strings.HasPrefix(word, "-") {
			orSet(&im.Context, r.path(word))
			continue
		}
		name, value, has := strings.Cut(word, "=")
		if !has && !slices.Contains(switches, name) && i+1 < len(words) {
			i++
			value = unquote(words[i])
		}
		if long := short[name]; long != "" {
			name = long
		}
		switch name {
		case "--tag":
			orSet(&im.Repository, r.repository(value))
		case "--file":
			orSet(&im.Dockerfile, r.path(value))
		case "--target":
			orSet(&im.Target, r.known(value))
		case "--platform":
			orSet(&im.Platform, r.known(value))
		case "--build-arg":
			r.argument(value)
		}
	}
}

func unquote(s string) string { return strings.Trim(s, `"'`) }

// known is a word's value, "" if the workflow alone knows it.
func (r *reader) known(s string) string {
	if v := r.expand(s); !strings.Contains(v, unknown) {
		return v
	}
	return ""
}

// path is a word that names a file of the repository.
func (r *reader) path(s string) string {
	v := strings.TrimPrefix(r.known(s), "./")
	if v == "" || !filepath.IsLocal(filepath.FromSlash(v)) {
		return ""
	}
	return path.Clean(v)
}

// argument takes a build argument NAME=VALUE over.
func (r *reader) argument(s string) {
	name, value, ok := strings.Cut(unquote(s), "=")
	if !ok || name == "" {
		return
	}
	im := &r.p.Config.Image
	if im.Args == nil {
		im.Args = map[string]string{}
	}
	if v := r.expand(value); !strings.Contains(v, unknown) {
		im.Args[name] = v
		return
	}
	r.note("the build argument %s is known to the workflow only: give it in turnout.yml's image.args", name)
}
