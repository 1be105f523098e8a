//go:build linux

package image

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/turnoutdev/turnout/testkit"
)

// likeDocker is built by docker and by the builtin builder; both must agree.
const likeDocker = `ARG USERNAME=web
FROM scratch AS sh
LABEL turnout.test=x
COPY sh /bin/busy
COPY links /
COPY passwd /etc/passwd
FROM sh AS made
ARG USERNAME
ENV A=1 B="two words" PATH=/bin:/sbin
WORKDIR /srv/app
COPY --chown=web:34 tree ./
COPY --chown=7 gone sub/
COPY gone ../special
ADD gone /added/
RUN write here by-run; 
RUN rm /bin-link
RUN env /username USERNAME
RUN mkdir /run/made
RUN mkdir /data
USER ${USERNAME}
WORKDIR below
FROM made
COPY --from=sh /etc /copied-etc
COPY --from=made /srv/app/./ /copied
COPY tree/*.txt gone /flat/
LABEL a=b c="d e"
EXPOSE 80 81/udp
VOLUME ["/data"]
STOPSIGNAL 9
HEALTHCHECK --retries=2 CMD echo hi
SHELL ["/bin/sh", "-c"]
ENTRYPOINT exec app
CMD ["x", "$A"]
`

func TestBuiltinAgreesWithDocker(t *testing.T) {
	needRoot(t)
	if err := exec.CommandContext(t.Context(), "docker", "version").Run(); err != nil {
		testkit.NeedOrSkip(t, "needs docker")
	}
	t.Cleanup(func() { // docker's old builder leaves an image of each step
		_ = exec.Command("docker", "image", "prune", "-f", "--filter", "label=turnout.test").Run()
	})
	dir := files(t, map[string]string{
		"Dockerfile": likeDocker, "sh": shellProgram(t), "links/bin/sh": "-> /bin/busy", "links/bin-link": "-> bin",
		"passwd": "root:x:0:0::/root:/bin/sh\nweb:x:33:34::/srv:/bin/sh\n", "gone": "x",
		"tree/a.txt": "a", "tree/b.txt": "b", "tree/deep/er/c": "c", "tree/link": "-> a.txt", "tree/hidden": "no", ".dockerignore": "tree/hid*\n",
	})
	if err := os.Chmod(filepath.Join(dir, "sh"), 0o755); err != nil { // COPY --chmod is beyond docker's old builder
		t.Fatal(err)
	}
	by := func(builder string) v1.Image {
		b, err := Build(t.Context(), BuildOptions{Context: dir, Dockerfile: filepath.Join(dir, "Dockerfile"), Builder: builder, Cache: noCache})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := b.Close(); err != nil {
				t.Error(err)
			}
		})
		return b.Image
	}
	docker, own := by("docker"), by("builtin")
	a, b := config(t, docker).Config, config(t, own).Config
	for _, c := range []*v1.Config{&a, &b} {
		c.Image, c.Hostname, c.ArgsEscaped = "", "", false // docker's own notes
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("configuration, docker's first:\n%s", diff)
	}
	if diff := cmp.Diff(entries(t, docker), entries(t, own)); diff != "" {
		t.Errorf("files, docker's first:\n%s", diff)
	}
}

// entry is what of a file both builders must agree on.
type entry struct {
	Mode     int64
	UID, GID int
	Content  string
}

func entries(t *testing.T, img v1.Image) map[string]entry {
	t.Helper()
	content := listing(t, img)
	out := map[string]entry{}
	for name, h := range headers(t, img) {
		switch name {
		case "proc", "sys", "dev", "dev/pts", "dev/shm", "dev/console", ".dockerenv", "etc/hosts", "etc/hostname", "etc/resolv.conf", "etc/mtab":
			continue // what docker's runtime leaves behind
		}
		out[name] = entry{h.Mode & 0o7777, h.Uid, h.Gid, content[name]}
	}
	return out
}
