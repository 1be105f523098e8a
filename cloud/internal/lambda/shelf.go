package lambda

import (
	"archive/tar"
	"archive/zip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"path"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/google/go-containerregistry/pkg/compression"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// taskRoot is where code stands in a function's file system.
const taskRoot = "/var/task"

// shelf offers zips as images, for that is what runtime drivers run: a registry on
// loopback that is only read. It begins to serve when the first image is asked for.
type shelf struct {
	zip func(name string) string // where a zip is

	mu     sync.Mutex
	server *http.Server
	addr   string
	done   chan struct{}
	images map[string]*shelved // by the zip's name
}

// shelved is an image and its blobs.
type shelved struct {
	image    v1.Image
	manifest []byte
	digest   v1.Hash
}

// reference makes an image of a zip and tells where it is pulled from.
func (s *shelf) reference(name string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.serve(); err != nil {
		return "", fmt.Errorf("offer code as an image: %w", err)
	}
	img := s.images[name]
	if img == nil {
		var err error
		if img, err = imageOf(s.zip(name)); err != nil {
			return "", fmt.Errorf("make an image of code: %w", err)
		}
		s.images[name] = img
	}
	return s.addr + "/function@" + img.digest.String(), nil
}

// serve begins to serve, once. s.mu is held.
func (s *shelf) serve() error {
	if s.server != nil {
		return nil
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v2/{$}", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("GET /v2/function/manifests/{digest}", s.sendManifest)
	mux.HandleFunc("GET /v2/function/blobs/{digest}", s.sendBlob)
	s.addr, s.done = l.Addr().String(), make(chan struct{})
	s.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second}
	go func() {
		defer close(s.done)
		_ = s.server.Serve(l) // until close
	}()
	return nil
}

func (s *shelf) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil {
		return nil
	}
	err := s.server.Close()
	<-s.done
	return err
}

// find looks for what has a digest: an image, or one of its blobs.
func (s *shelf) find(digest string, has func(*shelved, v1.Hash) bool) (*shelved, v1.Hash) {
	h, err := v1.NewHash(digest)
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, img := range s.images {
		if err == nil && has(img, h) {
			return img, h
		}
	}
	return nil, h
}

func (s *shelf) sendManifest(w http.ResponseWriter, r *http.Request) {
	img, digest := s.find(r.PathValue("digest"), func(i *shelved, h v1.Hash) bool { return i.digest == h })
	if img == nil {
		http.NotFound(w, r)
		return
	}
	kind, err := img.image.MediaType()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", string(kind))
	w.Header().Set("Docker-Content-Digest", digest.String())
	w.Header().Set("Content-Length", fmt.Sprint(len(img.manifest)))
	_, _ = w.Write(img.manifest) // the driver has left if it fails
}

func (s *shelf) sendBlob(w http.ResponseWriter, r *http.Request) {
	var blob v1.Layer
	img, digest := s.find(r.PathValue("digest"), func(i *shelved, h v1.Hash) bool {
		l, err := i.image.LayerByDigest(h)
		blob = l
		return err == nil
	})
	if img == nil {
		http.NotFound(w, r)
		return
	}
	size, err := blob.Size()
	in, err2 := blob.Compressed()
	if err = errors.Join(err, err2); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer in.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Docker-Content-Digest", digest.String())
	w.Header().Set("Content-Length", fmt.Sprint(size))
	if r.Method != http.MethodHead {
		_, _ = io.Copy(w, in) // the driver sees by the digest that something is missing
	}
}

// imageOf makes an image whose file system is a zip's in taskRoot, beside /tmp.
func imageOf(file string) (*shelved, error) {
	layer, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		in, out := io.Pipe()
		go func() { out.CloseWithError(writeTar(out, file)) }()
		return in, nil
	}, tarball.WithCompression(compression.None)) // the way is short
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, layer)
	if err != nil {
		return nil, err
	}
	conf, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	conf = conf.DeepCopy()
	conf.OS, conf.Architecture = "linux", runtime.GOARCH
	conf.Config.Entrypoint, conf.Config.WorkingDir = []string{taskRoot + "/bootstrap"}, taskRoot
	if img, err = mutate.ConfigFile(img, conf); err != nil {
		return nil, err
	}
	out := &shelved{image: img}
	if out.manifest, err = img.RawManifest(); err == nil {
		out.digest, err = img.Digest()
	}
	return out, err
}

// writeTar turns a zip into a layer. The same zip gives the same bytes.
func writeTar(w io.Writer, file string) error {
	z, err := zip.OpenReader(file)
	if err != nil {
		return err
	}
	defer z.Close()
	t := tar.NewWriter(w)
	made := map[string]bool{}
	folder := func(name string, mode int64) error {
		name = strings.Trim(name, "/") + "/"
		if made[name] || name == "./" || name == "/" {
			return nil
		}
		made[name] = true
		return t.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode})
	}
	if err := errors.Join(folder("tmp", 0o1777), folder("var", 0o755), folder(taskRoot, 0o755)); err != nil {
		return err
	}
	for _, f := range z.File {
		name := strings.TrimPrefix(path.Join(taskRoot, f.Name), "/")
		if err := parents(name, folder); err != nil {
			return err
		}
		if f.FileInfo().IsDir() {
			err = folder(name, 0o755)
		} else {
			err = writeFile(t, name, f)
		}
		if err != nil {
			return err
		}
	}
	return t.Close()
}

func parents(name string, folder func(string, int64) error) error {
	for i, c := range name {
		if c == '/' {
			if err := folder(name[:i], 0o755); err != nil {
				return err
			}
		}
	}
	return nil
}

func writeFile(t *tar.Writer, name string, f *zip.File) error {
	h := &tar.Header{Name: name, Mode: int64(f.Mode().Perm() | 0o444), Size: int64(f.UncompressedSize64)}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	if f.Mode()&fs.ModeSymlink != 0 {
		target, err := io.ReadAll(io.LimitReader(in, 4096))
		if err != nil {
			return err
		}
		return t.WriteHeader(&tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: string(target), Mode: 0o777})
	}
	if err := t.WriteHeader(h); err != nil {
		return err
	}
	_, err = io.CopyN(t, in, h.Size)
	return err
}
