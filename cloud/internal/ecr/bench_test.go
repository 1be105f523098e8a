package ecr

import (
	"testing"

	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

// BenchmarkPush pushes an image of four layers of 16 MiB.
func BenchmarkPush(b *testing.B) {
	const layers, size = 4, 16 << 20
	b.SetBytes(layers * size)
	for b.Loop() {
		b.StopTimer()
		r := newRig(b)
		r.create("app")
		img, err := random.Image(size, layers)
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		if err := remote.Write(r.ref("app:v1"), img, r.auth()); err != nil {
			b.Fatal(err)
		}
	}
}
