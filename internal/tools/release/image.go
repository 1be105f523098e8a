package main

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/pem"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// The image's user, who is not root and owns a home and a work folder.
const (
	user = 65532
	home = "/home/turnout"
	work = "/work"
)

// image writes a container image for all Linux targets, as an archive of an OCI layout: the
// binary, the certificate authorities of the web, and a user who is not root.
func (r *release) image(context.Context) error {
	base, err := r.layer(baseFiles())
	if err != nil {
		return err
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, t := range r.Targets {
		if !strings.HasPrefix(t, "linux/") {
			continue
		}
		img, err := r.imageOf(t, base)
		if err != nil {
			return err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: img, Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: "linux", Architecture: strings.TrimPrefix(t, "linux/")},
		}})
	}
	dir := filepath.Join(r.scratch, "oci")
	p, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	err = p.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": tag(r.version),
		"io.containerd.image.name":          r.Name + ":" + tag(r.version), // the name that docker load gives it
	}))
	if err != nil {
		return err
	}
	return write(r.fileName("image.tar"), func(w io.Writer) error { return r.pack(w, dir) })
}

// imageOf is the image for one target.
func (r *release) imageOf(target string, base v1.Layer) (v1.Image, error) {
	b, err := os.ReadFile(r.binary(target))
	if err != nil {
		return nil, err
	}
	program, err := r.layer([]item{{name: "usr/local/bin/" + r.Name, mode: 0o755, data: b}})
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON), base, program)
	if err != nil {
		return nil, err
	}
	conf, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	conf = conf.DeepCopy()
	conf.OS, conf.Architecture, conf.Created = "linux", strings.TrimPrefix(target, "linux/"), v1.Time{Time: r.time}
	conf.Config = v1.Config{
		Entrypoint: []string{"/usr/local/bin/" + r.Name}, User: "65532:65532", WorkingDir: work,
		Env: []string{"PATH=/usr/local/bin", "HOME=" + home},
		Labels: map[string]string{
			"org.opencontainers.image.title": r.Name, "org.opencontainers.image.version": r.version, "org.opencontainers.image.licenses": "Apache-2.0",
		},
	}
	for i := range conf.History {
		conf.History[i] = v1.History{Created: v1.Time{Time: r.time}, CreatedBy: "release"}
	}
	return mutate.ConfigFile(img, conf)
}

// item is a file or, without data, a folder of a layer.
type item struct {
	name  string
	mode  int64
	owner int
	data  []byte
}

// baseFiles are what a static binary expects of a machine.
func baseFiles() []item {
	var roots bytes.Buffer
	for r := range bundle.Roots() {
		if r.Constraint == nil { // a file of certificates cannot say under which conditions
			_ = pem.Encode(&roots, &pem.Block{Type: "CERTIFICATE", Bytes: r.Certificate}) // memory does not fail
		}
	}
	return []item{
		{name: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, data: roots.Bytes()},
		{name: "etc/passwd", mode: 0o644, data: []byte("root:x:0:0:root:/root:/sbin/nologin\nturnout:x:65532:65532::" + home + ":/sbin/nologin\n")},
		{name: "etc/group", mode: 0o644, data: []byte("root:x:0:\nturnout:x:65532:\n")},
		{name: strings.TrimPrefix(home, "/") + "/", mode: 0o750, owner: user},
		{name: strings.TrimPrefix(work, "/") + "/", mode: 0o755, owner: user},
		{name: "tmp/", mode: 0o1777},
	}
}

// layer packs files; their time is the commit's.
func (r *release) layer(items []item) (v1.Layer, error) {
	var b bytes.Buffer
	t := tar.NewWriter(&b)
	for _, i := range items {
		h := &tar.Header{Typeflag: tar.TypeReg, Name: i.name, Mode: i.mode, Size: int64(len(i.data)), Uid: i.owner, Gid: i.owner, ModTime: r.time, Format: tar.FormatUSTAR}
		if strings.HasSuffix(i.name, "/") {
			h.Typeflag = tar.TypeDir
		}
		if err := t.WriteHeader(h); err != nil {
			return nil, err
		}
		if _, err := t.Write(i.data); err != nil {
			return nil, err
		}
	}
	if err := t.Close(); err != nil {
		return nil, err
	}
	return tarballLayer(b.Bytes())
}

func tarballLayer(b []byte) (v1.Layer, error) {
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(b)), nil }, tarball.WithMediaType(types.OCILayer))
}

// pack writes the layout's files as a tar, in the order of their names.
func (r *release) pack(w io.Writer, dir string) error {
	t := tar.NewWriter(w)
	err := filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		rel, err := filepath.Rel(dir, file)
		if err != nil {
			return err
		}
		b, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		h := &tar.Header{Typeflag: tar.TypeReg, Name: filepath.ToSlash(rel), Mode: 0o644, Size: int64(len(b)), ModTime: r.time.Truncate(time.Second), Format: tar.FormatUSTAR}
		if err := t.WriteHeader(h); err != nil {
			return err
		}
		_, err = t.Write(b)
		return err
	})
	return errors.Join(err, t.Close())
}
