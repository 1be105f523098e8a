//go:build !linux

package bench

import "context"

// peak runs a command once and tells its peak resident set in bytes, where that is known.
func (b *bench) peak(ctx context.Context, argv []string) (int64, error) {
	state, err := b.once(ctx, argv)
	if err != nil {
		return 0, err
	}
	return memoryOf(state), nil
}
