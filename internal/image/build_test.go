package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
)

const multiStage = `ARG GREETING=hi
FROM scratch AS base
ARG GREETING
WORKDIR /src
COPY app conf/*.txt ./
COPY <<EOF /src/made
greeting: $GREETING
EOF

FROM scratch AS unneeded
COPY there-is-no-such-file /

FROM scratch
LABEL org.example=x
ENV A=1 B=$A
ENV B=${A}2
COPY --from=base --chmod=755 --chown=7:8 /src /out/
COPY tree /tree
EXPOSE 9000 53/udp
VOLUME /data
USER 7
STOPSIGNAL SIGINT
HEALTHCHECK --interval=5s CMD ["/out/app", "health"]
CMD ["serve"]
ENTRYPOINT ["/out/app"]
`

func hello(t testing.TB) string {
	return files(t, map[string]string{
		"Dockerfile": multiStage, "app": "binary", "conf/a.txt": "a", "conf/b.txt": "b", "conf/c.md": "c",
		"tree/x/y": "deep", "tree/secret": "no", ".dockerignore": "tree/secret\n",
	})
}

func TestMultiStage(t *testing.T) {
	img := mustBuild(t, hello(t), BuildOptions{Args: map[string]string{"GREETING": "ahoy"}, Platform: "linux/arm64"})
	holds(t, img, map[string]string{
		"out/app": "binary", "out/a.txt": "a", "out/made": "greeting: ahoy\n", "tree/x/y": "deep",
		"tree/secret": "", "out/c.md": "", "src/app": "",
	})
	c := config(t, img)
	if c.Architecture != "arm64" || c.OS != "linux" {
		t.Errorf("platform is %s/%s", c.OS, c.Architecture)
	}
	if c.Config.User != "7" || c.Config.StopSignal != "SIGINT" || c.Config.Labels["org.example"] != "x" {
		t.Errorf("config %+v", c.Config)
	}
	if strings.Join(c.Config.Entrypoint, " ") != "/out/app" || strings.Join(c.Config.Cmd, " ") != "serve" {
		t.Errorf("starts %v %v: ENTRYPOINT keeps the CMD of its own stage", c.Config.Entrypoint, c.Config.Cmd)
	}
	if strings.Join(c.Config.Env, " ") != "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin A=1 B=12" {
		t.Errorf("env %v", c.Config.Env)
	}
	if h := c.Config.Healthcheck; h == nil || h.Interval != 5*time.Second || strings.Join(h.Test, " ") != "CMD /out/app health" {
		t.Errorf("health check %+v", h)
	}
	if _, ok := c.Config.ExposedPorts["53/udp"]; !ok || len(c.Config.ExposedPorts) != 2 {
		t.Errorf("ports %v", c.Config.ExposedPorts)
	}
	layers := 0
	for _, h := range c.History {
		if !h.EmptyLayer {
			layers++
		}
	}
	if all, err := img.Layers(); err != nil || len(all) != layers || len(c.History) != 12 {
		t.Errorf("%d layers, history %+v, %v", len(all), c.History, err)
	}
	h := headers(t, img)["out/app"]
	if h.Uid != 7 || h.Gid != 8 || h.Mode != 0o755 || h.ModTime.Unix() != 0 {
		t.Errorf("header %+v", h)
	}
}

// The digests are part of what is promised: they change only if a layer's bytes do, and
// then every user pushes every layer once more.
func TestGoldenDigests(t *testing.T) {
	for _, tc := range []struct{ name, epoch, diffIDs string }{
		{"1970", "", "sha256:de1a6fd0 sha256:7fa55a7b"},
		{"SOURCE_DATE_EPOCH", "1700000000", "sha256:1e3b2889 sha256:130f6622"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Setenv("SOURCE_DATE_EPOCH", tc.epoch)
			var digests []string
			for range 2 { // two contexts whose files have different times
				img := mustBuild(t, hello(t), BuildOptions{Platform: "linux/amd64", Epoch: time.Unix(1e9, 0)})
				digests = append(digests, digest(t, img))
				var got []string
				for _, d := range config(t, img).RootFS.DiffIDs {
					got = append(got, d.String()[:15])
				}
				if s := strings.Join(got, " "); s != tc.diffIDs {
					t.Errorf("layers are %s, want %s", s, tc.diffIDs)
				}
			}
			if digests[0] != digests[1] {
				t.Errorf("digests %v", digests)
			}
		})
	}
}

// A new commit alone makes no new layers: only the configuration tells the time.
func TestCommitTimeIsInTheConfigurationOnly(t *testing.T) {
	dir := hello(t)
	one := mustBuild(t, dir, BuildOptions{Epoch: time.Unix(1e9, 0)})
	two := mustBuild(t, dir, BuildOptions{Epoch: time.Unix(2e9, 0)})
	a, b := config(t, one), config(t, two)
	if a.Created.Unix() != 1e9 || b.Created.Unix() != 2e9 {
		t.Errorf("created %v and %v", a.Created, b.Created)
	}
	for i := range a.RootFS.DiffIDs {
		if a.RootFS.DiffIDs[i] != b.RootFS.DiffIDs[i] {
			t.Errorf("layer %d changed with the commit's time", i)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct{ dockerfile, want string }{
		{"FROM scratch\nADD https://example.com/x /x\n", "Dockerfile:2: ADD: https://example.com/x: the builtin builder downloads nothing"},
		{"FROM scratch\nADD a.tar.xz /\n", "xz is beyond the builtin builder"},
		{"FROM scratch\nADD --checksum=sha256:1 a /\n", "beyond the builtin builder"},
		{"FROM scratch\nCOPY nothing /\n", "Dockerfile:2: COPY: nothing: not found in the build context"},
		{"FROM scratch\nCOPY hidden /\n", ".dockerignore hides it"},
		{"FROM scratch\nCOPY outside /x\n", "outside: not found in the build context, or it links to outside"},
		{"FROM scratch\nRUN echo hi\n", "/bin/sh is not in this stage"},
		{"FROM scratch\nONBUILD COPY a /a\n", "Dockerfile:2: ONBUILD: the builtin builder cannot do this; install docker"},
		{"FROM scratch\nCOPY --parents a /a\n", "beyond the builtin builder"},
		{"FROM scratch\nCOPY --from=nope:1 a b\n", "no earlier stage has this name"},
		{"FROM scratch\nCOPI a b\n", "Dockerfile:2: "},
		{"FROM scratch\nCOPY --chown=web a /a\n", `"web" is no number`},
		{"FROM scratch\nCOPY --chmod=u+x a /a\n", "octal modes only"},
		{"FROM scratch\nCOPY a b /c\n", "a destination that ends with a slash"},
		{"FROM oci:none\n", "Dockerfile:1: FROM oci:none"},
		{"FROM 192.168.1.9:5000/x\n", "Dockerfile:1: FROM 192.168.1.9:5000/x"},
		{"FROM scratch\nCOPY a/x /y/\n", "not found"},
		{"", "Dockerfile"},
	} {
		dir := files(t, map[string]string{
			"Dockerfile": tt.dockerfile, "a": "1", "b": "2", "a.tar.xz": "\xfd7zXZ\x00", "hidden": "",
			".dockerignore": "hidden", "outside": "-> /etc/passwd",
		})
		_, err := build(t, dir, BuildOptions{})
		if err == nil || !strings.Contains(err.Error(), tt.want) || !errors.Is(err, ErrInput) {
			t.Errorf("%q:\n got %v\nwant %s", tt.dockerfile, err, tt.want)
		}
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	dir := hello(t)
	for name, tc := range map[string]struct {
		o    BuildOptions
		want string
	}{
		"context":    {BuildOptions{Context: dir + "/none", Dockerfile: dir + "/Dockerfile"}, "is no folder"},
		"dockerfile": {BuildOptions{Context: dir, Dockerfile: dir + "/none"}, "no Dockerfile at"},
		"platform":   {BuildOptions{Context: dir, Dockerfile: dir + "/Dockerfile", Platform: "arm64"}, `platform "arm64"`},
		"builder":    {BuildOptions{Context: dir, Dockerfile: dir + "/Dockerfile", Builder: "make"}, `builder "make" is unknown`},
		"target":     {BuildOptions{Context: dir, Dockerfile: dir + "/Dockerfile", Builder: "builtin", Target: "none"}, `no stage named "none"`},
	} {
		tc.o.Cache = noCache
		if _, err := Build(context.Background(), tc.o); !errors.Is(err, ErrInput) || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if _, err := build(t, dir, BuildOptions{}); err == nil || !strings.Contains(err.Error(), "SOURCE_DATE_EPOCH=yesterday") {
		t.Errorf("got %v", err)
	}
}

func TestTarget(t *testing.T) {
	holds(t, mustBuild(t, hello(t), BuildOptions{Target: "BASE"}), map[string]string{"src/app": "binary", "out/app": ""})
}

// Links are read as the image reads them, in the context, in stages and at destinations.
func TestLinksStayInside(t *testing.T) {
	outside := t.TempDir()
	dir := files(t, map[string]string{
		"Dockerfile": `FROM scratch AS os
COPY tree /
COPY a /run-link/a
COPY a /etc/here/there/../b
FROM scratch
COPY --from=os /bin/sh /sh
COPY --from=os /run-link/* /taken/
COPY --from=os /run-link /whole
COPY inner-link /inner
`,
		"a": "1", "tree/usr/bin/busybox": "box", "tree/bin": "-> usr/bin", "tree/usr/bin/sh": "-> /bin/busybox",
		"tree/run-link": "-> /run/real", "tree/out": "-> " + outside, "inner-link": "-> ../../../a",
	})
	img := mustBuild(t, dir, BuildOptions{})
	holds(t, img, map[string]string{"sh": "box", "taken/a": "1", "whole/a": "1", "inner": "1"})
	base := listing(t, mustBuild(t, dir, BuildOptions{Target: "os"}))
	if base["run/real/a"] != "1" || base["run-link"] != "/run/real" || base["etc/here/b"] != "1" {
		t.Errorf("got %v", base)
	}
	evil := files(t, map[string]string{"Dockerfile": "FROM scratch\nCOPY tree /\nCOPY a /out/a\n", "a": "1", "tree/out": "-> " + outside})
	holds(t, mustBuild(t, evil, BuildOptions{}), map[string]string{strings.TrimPrefix(outside, "/") + "/a": "1"})
	if left, err := os.ReadDir(outside); err != nil || len(left) > 0 {
		t.Errorf("written outside: %v, %v", left, err)
	}
}

func TestAddUnpacksWhatIsAnArchive(t *testing.T) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	w := tar.NewWriter(z)
	for _, h := range []tar.Header{
		{Name: "pkg/", Typeflag: tar.TypeDir, Mode: 0o750},
		{Name: "pkg/run", Typeflag: tar.TypeReg, Mode: 0o755, Size: 3},
		{Name: "pkg/again", Typeflag: tar.TypeLink, Linkname: "pkg/run", Mode: 0o755},
		{Name: "../../../up", Typeflag: tar.TypeSymlink, Linkname: "pkg/run"},
	} {
		if err := w.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			_, _ = w.Write([]byte("abc"))
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	dir := files(t, map[string]string{
		"Dockerfile": "FROM scratch\nADD odd-name /opt\nADD plain.tar.gz /plain/\nCOPY odd-name /kept/\n",
		"odd-name":   b.String(), "plain.tar.gz": "no archive",
	})
	img := mustBuild(t, dir, BuildOptions{})
	holds(t, img, map[string]string{
		"opt/pkg/run": "abc", "opt/pkg/again": "abc", "opt/up": "pkg/run", "plain/plain.tar.gz": "no archive", "kept/odd-name": b.String(),
	})
	if m := headers(t, img)["opt/pkg"].Mode; m != 0o750 {
		t.Errorf("mode is %o", m)
	}
}

func TestCopyToFoldersAndModes(t *testing.T) {
	dir := files(t, map[string]string{
		"Dockerfile": `FROM scratch
COPY a /one
COPY a /dir/
COPY b /dir
COPY --chmod=700 tree /tree
COPY --chown=5 a /owned
COPY a $NOTHING/var/lib/
COPY <<one <<two /docs/
1
one
2
two
COPY . /all
`, "a": "A", "b": "B", "tree/sub/x": "X", ".dockerignore": "*\n!a\n!b\n!tree\n",
	})
	img := mustBuild(t, dir, BuildOptions{})
	holds(t, img, map[string]string{
		"one": "A", "dir/a": "A", "dir/b": "B", "tree/sub/x": "X", "var/lib/a": "A",
		"docs/one": "1\n", "docs/two": "2\n", "all/a": "A", "all/Dockerfile": "", "all/.dockerignore": "",
	})
	h := headers(t, img)
	if h["tree/sub"].Mode != 0o700 || h["tree/sub/x"].Mode != 0o700 || h["owned"].Uid != 5 || h["owned"].Gid != 5 {
		t.Errorf("sub %+v, x %+v, owned %+v", h["tree/sub"], h["tree/sub/x"], h["owned"])
	}
}

// asLayout writes an image to a folder that FROM can name.
func asLayout(t *testing.T, img v1.Image, dir string) {
	t.Helper()
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		t.Fatal(err)
	}
	if err := p.AppendImage(img); err != nil {
		t.Fatal(err)
	}
}

func TestFromLocalLayout(t *testing.T) {
	base := mustBuild(t, files(t, map[string]string{
		"Dockerfile": "FROM scratch\nCOPY passwd /etc/passwd\nCOPY gone /gone\nENV PATH=/opt/bin\nSHELL [\"/opt/sh\", \"-x\"]\nENTRYPOINT [\"/old\"]\nCMD [\"old\"]\n",
		"passwd":     "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n", "gone": "x",
	}), BuildOptions{Platform: "linux/arm64"})
	dir := files(t, map[string]string{
		"Dockerfile": "FROM oci:base\nCOPY --chown=web a /a\nCMD run it\n", "a": "1",
	})
	asLayout(t, base, filepath.Join(dir, "base"))
	img := mustBuild(t, dir, BuildOptions{Platform: "linux/arm64"})
	c := config(t, img).Config
	if strings.Join(c.Env, "") != "PATH=/opt/bin" || strings.Join(c.Cmd, "|") != "/opt/sh|-x|run it" || c.Entrypoint[0] != "/old" {
		t.Errorf("config %+v", c)
	}
	if h := headers(t, img)["a"]; h.Uid != 33 || h.Gid != 34 {
		t.Errorf("owner %d:%d", h.Uid, h.Gid)
	}
	_, err := build(t, dir, BuildOptions{Platform: "linux/amd64"})
	if err == nil || !strings.Contains(err.Error(), "it is for linux/arm64, and linux/amd64 is built") {
		t.Errorf("a base of another architecture: %v", err)
	}
}

// What layers of a base do to each other: whiteouts, opaque folders, links across layers.
func TestUnpackLayersOfABase(t *testing.T) {
	img := v1.Image(empty.Image)
	for _, layer := range [][]tar.Header{
		{
			{Name: "usr/bin/", Typeflag: tar.TypeDir, Mode: 0o755}, {Name: "bin", Typeflag: tar.TypeSymlink, Linkname: "usr/bin"},
			{Name: "usr/bin/a", Typeflag: tar.TypeReg, Mode: 0o4755}, {Name: "d/old", Typeflag: tar.TypeReg, Mode: 0o644},
			{Name: "gone", Typeflag: tar.TypeReg, Mode: 0o644}, {Name: "was-dir/x", Typeflag: tar.TypeReg, Mode: 0o644},
		},
		{
			{Name: "bin/b", Typeflag: tar.TypeReg, Mode: 0o755}, {Name: "hard", Typeflag: tar.TypeLink, Linkname: "bin/b"},
			{Name: "d/new", Typeflag: tar.TypeReg, Mode: 0o644}, {Name: "d/.wh..wh..opq", Typeflag: tar.TypeReg},
			{Name: ".wh.gone", Typeflag: tar.TypeReg}, {Name: "was-dir", Typeflag: tar.TypeReg, Mode: 0o644},
			{Name: "../../escape", Typeflag: tar.TypeReg, Mode: 0o644}, {Name: "dev/null", Typeflag: tar.TypeChar},
		},
	} {
		var b bytes.Buffer
		w := tar.NewWriter(&b)
		for _, h := range layer {
			if err := w.WriteHeader(&h); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		var err error
		if img, err = mutate.AppendLayers(img, plainLayer(t, b.Bytes())); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	if err := newTree(dir).unpack(img); err != nil {
		t.Fatal(err)
	}
	for p, there := range map[string]bool{
		"usr/bin/a": true, "usr/bin/b": true, "hard": true, "d/new": true, "d/old": false, "gone": false, "was-dir": true, "escape": true, "dev/null": false,
	} {
		if _, err := os.Lstat(filepath.Join(dir, p)); (err == nil) != there {
			t.Errorf("%s: there %v, %v", p, !there, err)
		}
	}
	if st, err := os.Stat(filepath.Join(dir, "usr/bin/a")); err != nil || st.Mode()&os.ModeSetuid == 0 {
		t.Errorf("set-user-id is lost: %v, %v", st, err)
	}
}
