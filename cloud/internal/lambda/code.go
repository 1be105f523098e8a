package lambda

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// maxUnpacked is how large a function's code may be, unpacked.
const maxUnpacked = 250 << 20

// arrived is code on its way in.
type arrived struct {
	code
	size   int64  // of the zip
	sha256 string // of the zip in base64, of the image in hex
}

func (a arrived) into(r *revision) {
	r.Code, r.Config.CodeSize, r.Config.CodeSha256 = a.code, a.size, &a.sha256
}

// fetch takes in the zip or image that a caller sends or points to. A zip is on disk when
// it returns.
func (s *Service) fetch(ctx context.Context, kind types.PackageType, c types.FunctionCode, arch types.Architecture) (arrived, error) {
	if kind == types.PackageTypeImage {
		if c.ImageUri == nil {
			return arrived{}, invalid("Please provide ImageUri when updating a function with packageType Image.")
		}
		return s.fetchImage(ctx, *c.ImageUri, arch)
	}
	raw := c.ZipFile
	switch {
	case c.ImageUri != nil:
		return arrived{}, invalid("Please don't provide ImageUri when updating a function with packageType Zip.")
	case c.S3Bucket != nil && s.Object != nil:
		var err error
		if raw, err = s.Object(ctx, *c.S3Bucket, aws.ToString(c.S3Key), aws.ToString(c.S3ObjectVersion)); err != nil {
			return arrived{}, invalid("Error occurred while GetObject. %s", err)
		}
	case c.S3Bucket != nil:
		return arrived{}, invalid("Error occurred while GetObject. This local cloud has no S3: send the code as ZipFile.")
	case len(raw) == 0:
		return arrived{}, invalid("Please provide a source for function code.")
	}
	if err := checkZip(raw); err != nil {
		return arrived{}, err
	}
	sum := sha256.Sum256(raw)
	got := arrived{code{Zip: hex.EncodeToString(sum[:]) + ".zip"}, int64(len(raw)), base64.StdEncoding.EncodeToString(sum[:])}
	return got, keep(s.zip(got.Zip), raw)
}

func (s *Service) fetchImage(ctx context.Context, ref string, arch types.Architecture) (arrived, error) {
	img, err := s.pull(ctx, ref, arch)
	if errors.Is(err, runtime.ErrNoImage) {
		return arrived{}, invalid("Source image %s does not exist. Provide a valid source image.", ref)
	}
	if err != nil {
		return arrived{}, invalid("Source image %s is not valid. Provide a valid source image. %s", ref, err)
	}
	name, _, _ := strings.Cut(ref, "@")
	if i := strings.LastIndexByte(name, ':'); i > strings.LastIndexByte(name, '/') {
		name = name[:i]
	}
	return arrived{code{Image: ref, Resolved: name + "@" + img.Digest}, 0, strings.TrimPrefix(img.Digest, "sha256:")}, nil
}

// platforms are architectures as images name them.
var platforms = map[types.Architecture]string{types.ArchitectureX8664: "linux/amd64", types.ArchitectureArm64: "linux/arm64"}

// pull makes an image present.
func (s *Service) pull(ctx context.Context, image string, arch types.Architecture) (runtime.Image, error) {
	ref := runtime.Reference{Image: s.Image(image), Platform: platforms[arch]}
	var err error
	if ref.Username, ref.Password, err = s.Login(ctx, ref.Image); err != nil {
		return runtime.Image{}, err
	}
	return s.Driver.Pull(ctx, ref)
}

// keep writes a file whose name tells its content: a whole one or none.
func keep(path string, content []byte) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".zip-*")
	if err != nil {
		return fmt.Errorf("keep code: %w", err)
	}
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err == nil {
		return syncDir(filepath.Dir(path))
	}
	return errors.Join(fmt.Errorf("keep code: %w", err), os.Remove(f.Name()))
}

func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

var errZip = invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")

// checkZip refuses what is no zip, is too large, or leads out of its folder.
func checkZip(raw []byte) error {
	z, err := zip.NewReader(bytes.NewReader(raw), int64(len(raw)))
	if err != nil {
		return errZip
	}
	left := uint64(maxUnpacked)
	for _, f := range z.File {
		switch {
		case !filepath.IsLocal(filepath.FromSlash(f.Name)):
			return errZip
		case f.UncompressedSize64 > left:
			return invalid("Unzipped size must be smaller than %d bytes", maxUnpacked)
		}
		left -= f.UncompressedSize64
	}
	return nil
}
