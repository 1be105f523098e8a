package docker

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"

	cerrdefs "github.com/containerd/errdefs"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/moby/moby/client"
)

// pausePath is the program of the pause image.
const pausePath = "/pause"

// pauseCode is an endless loop around a system call that sleeps. As the first process of
// its PID namespace it dies of SIGKILL alone.
var pauseCode = map[string][]byte{
	"amd64": {
		0xb8, 0x22, 0x00, 0x00, 0x00, // mov eax, 34 (pause)
		0x0f, 0x05, // syscall
		0xeb, 0xf7, // jmp to the mov
	},
	"arm64": {
		0x00, 0x00, 0x80, 0xd2, // mov x0, 0
		0x01, 0x00, 0x80, 0xd2, // mov x1, 0
		0x02, 0x00, 0x80, 0xd2, // mov x2, 0
		0x03, 0x00, 0x80, 0xd2, // mov x3, 0
		0x28, 0x09, 0x80, 0xd2, // mov x8, 73 (ppoll of nothing)
		0x01, 0x00, 0x00, 0xd4, // svc 0
		0xfa, 0xff, 0xff, 0x17, // b to the first mov
	},
}

// pauseProgram is a static ELF executable: one header, one loadable segment, the code.
func pauseProgram(arch string) ([]byte, error) {
	code, ok := pauseCode[arch]
	if !ok {
		return nil, fmt.Errorf("pause program: no code for architecture %q", arch)
	}
	const base, headers = 0x400000, 64 + 56
	machine := map[string]uint16{"amd64": 62, "arm64": 183}[arch]
	size := uint64(headers + len(code))
	var b bytes.Buffer
	b.WriteString("\x7fELF\x02\x01\x01") // 64 bits, little endian, version 1
	b.Write(make([]byte, 9))
	for _, field := range []any{
		uint16(2), machine, uint32(1), // executable, version
		uint64(base + headers), uint64(64), uint64(0), // entry, program headers, no sections
		uint32(0), uint16(64), uint16(56), uint16(1), uint16(0), uint16(0), uint16(0),
		uint32(1), uint32(5), uint64(0), // load, readable and executable, from the file's start
		uint64(base), uint64(base), size, size, uint64(0x10000),
	} {
		if err := binary.Write(&b, binary.LittleEndian, field); err != nil {
			return nil, err
		}
	}
	b.Write(code)
	return b.Bytes(), nil
}

// pauseImage is an image of one layer that holds the program alone.
func pauseImage(arch string) (v1.Image, error) {
	program, err := pauseProgram(arch)
	if err != nil {
		return nil, err
	}
	var layer bytes.Buffer
	w := tar.NewWriter(&layer)
	if err := w.WriteHeader(&tar.Header{Name: pausePath[1:], Mode: 0o755, Size: int64(len(program))}); err != nil {
		return nil, err
	}
	if _, err := w.Write(program); err != nil {
		return nil, err
	}
	if err := w.Close(); err != nil {
		return nil, err
	}
	l, err := tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(layer.Bytes())), nil })
	if err != nil {
		return nil, err
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return nil, err
	}
	file, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture = "linux", arch
	file.Config.Entrypoint = []string{pausePath}
	return mutate.ConfigFile(img, file)
}

// pause makes the pause image present and returns its name. The name holds its digest, so
// that a later version never meets an older one's.
func (d *Driver) pause(ctx context.Context) (string, error) {
	d.pauseOnce.Lock()
	defer d.pauseOnce.Unlock()
	if d.pauseTag != "" {
		return d.pauseTag, nil
	}
	img, err := pauseImage(d.info.arch)
	if err != nil {
		return "", err
	}
	digest, err := img.ConfigName()
	if err != nil {
		return "", err
	}
	tag, err := name.NewTag("turnout-pause:" + digest.Hex[:12])
	if err != nil {
		return "", err
	}
	_, err = d.engine.ImageInspect(ctx, tag.String())
	if cerrdefs.IsNotFound(err) {
		err = d.load(ctx, tag, img)
	}
	if err != nil {
		return "", fmt.Errorf("pause image: %w", err)
	}
	d.pauseTag = tag.String()
	return d.pauseTag, nil
}

// load gives the engine an image under a name.
func (d *Driver) load(ctx context.Context, tag name.Tag, img v1.Image) error {
	r, w := io.Pipe()
	go func() { w.CloseWithError(tarball.Write(tag, img, w)) }()
	defer func() { _ = r.Close() }() // ends the writer, and never fails
	answer, err := d.engine.ImageLoad(ctx, r, client.ImageLoadWithQuiet(true))
	if err != nil {
		return fmt.Errorf("load image %s: %w", tag, err)
	}
	defer answer.Close()
	if _, err := io.Copy(io.Discard, answer); err != nil {
		return fmt.Errorf("load image %s: %w", tag, err)
	}
	return nil
}
