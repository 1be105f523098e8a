package diff

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/turnoutdev/turnout/internal/fault"
)

// Tool shows the difference with another program, such as `diff -u` or `delta`: it is run
// with the names of two files, whose secrets are masked. Its exit code 1 means that they
// differ, as diff's does.
func Tool(ctx context.Context, command string, names [2]string, before, after []byte, out, talk io.Writer) error {
	argv := strings.Fields(command)
	if len(argv) == 0 {
		return fault.New(fault.Usage, "such as --tool 'diff -u'", "--tool names no program")
	}
	path, err := exec.LookPath(argv[0])
	if err != nil {
		return fault.New(fault.Usage, "install it, or set --tool or TURNOUT_DIFF to another", "%w", err)
	}
	a, b, err := Files(before, after)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "turnout-diff-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a temporary folder
	files := []string{filepath.Join(dir, names[0]+".json"), filepath.Join(dir, names[1]+".json")}
	for i, text := range [][]byte{a, b} {
		if err := os.WriteFile(files[i], text, 0o600); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, path, append(argv[1:], files...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, out, talk
	var ended *exec.ExitError
	if err := cmd.Run(); err != nil && (!errors.As(err, &ended) || ended.ExitCode() != 1) {
		return fmt.Errorf("%s: %w", command, err)
	}
	return nil
}
