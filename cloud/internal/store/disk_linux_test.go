package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/turnoutdev/turnout/testkit"
)

// diskEnv makes the test binary a writer whose disk fails after a while, in the way that it
// names; openEnv one that opens a file and says why it could not.
const (
	diskEnv = "TURNOUT_STORE_DISK"
	openEnv = "TURNOUT_STORE_OPEN"
)

func init() {
	if path := os.Getenv(openEnv); path != "" {
		_, err := Open(path)
		fmt.Println(err)
		os.Exit(0)
	}
	if failure, path, ok := strings.Cut(os.Getenv(diskEnv), " "); ok {
		writeUntilFailure(path, failures[failure])
		os.Exit(0)
	}
}

var failures = map[string]testkit.Failure{"full": testkit.DiskFull, "fsync": testkit.SyncFails, "write": testkit.WriteFails}

// writeUntilFailure tells which writes were acknowledged, and what became of the rest.
func writeUntilFailure(path string, f testkit.Failure) {
	s, err := Open(path)
	if err != nil {
		fmt.Println("open", err)
		return
	}
	rows, _ := NewTable[row](s, "rows") // of a new file
	var wg sync.WaitGroup
	var mu sync.Mutex
	for g := range 4 {
		wg.Go(func() {
			for i := 0; ; i++ {
				k := fmt.Sprintf("%d/%d", g, i)
				err := s.Update(func(tx *Tx) error { rows.Put(tx, k, row{N: i, Text: strings.Repeat("x", 3000)}); return nil })
				mu.Lock()
				if err != nil {
					fmt.Println("refused", k, err)
				} else {
					fmt.Println("acknowledged", k)
				}
				mu.Unlock()
				if err != nil {
					return
				}
				if g == 0 && i == 50 {
					if err := f.Begin(); err != nil {
						fmt.Println("filter", err)
						os.Exit(0)
					}
				}
			}
		})
	}
	wg.Wait()
	fmt.Println("later", s.Update(func(tx *Tx) error { rows.Put(tx, "later", row{}); return nil }))
	fmt.Println("ran", s.Run(context.Background()))
	_ = s.Close() // what fails here is known
}

// When the disk is full or fails, what was acknowledged is in the file, and everybody else
// gets the reason.
func TestTheDiskFails(t *testing.T) {
	for name, f := range failures {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state")
			out := child(t, diskEnv+"="+name+" "+path)
			var acknowledged []string
			refused := map[string]bool{}
			for line := range strings.Lines(out) {
				verb, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
				key, _, _ := strings.Cut(rest, " ")
				switch {
				case verb == "acknowledged":
					acknowledged = append(acknowledged, key)
				case !strings.Contains(rest, "state is no longer written: write "+path+": ") || !strings.Contains(rest, f.Errno.Error()):
					t.Errorf("the child says %q", line)
				case verb == "refused":
					refused[key] = true
				default:
					refused[verb] = true
				}
			}
			if len(acknowledged) < 50 || len(refused) != 6 || !refused["later"] || !refused["ran"] {
				t.Fatalf("%d writes were acknowledged; refused: %v\n%s", len(acknowledged), refused, out)
			}
			s, rows := open(t, path)
			defer func() { _ = s.Close() }()
			s.View(func(tx *Tx) {
				for _, k := range acknowledged {
					if _, ok := rows.Get(tx, k); !ok {
						t.Errorf("%q was acknowledged and is lost", k)
					}
				}
			})
		})
	}
}

// A file that must not be written is refused with that reason.
func TestAReadOnlyFile(t *testing.T) {
	dir, err := os.MkdirTemp("", "store-") // not below a folder that only its owner reads
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	path := filepath.Join(dir, "state")
	if err := errors.Join(create(path), os.Chmod(path, 0o444), os.Chmod(dir, 0o555)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Chmod(dir, 0o755) })
	for _, file := range []string{path, filepath.Join(dir, "other")} {
		if out := child(t, openEnv+"="+file); !strings.HasPrefix(out, "state file "+file+": "+fs.ErrPermission.Error()) {
			t.Errorf("got %q", out)
		}
	}
	var fe *FileError
	if !errors.As(unusable(path, &fs.PathError{Op: "open", Path: path, Err: syscall.EROFS}), &fe) || !strings.Contains(fe.Next, "writable") {
		t.Errorf("a read-only file system: %+v", fe)
	}
}

// child runs this test binary in another role, as somebody without privileges.
func child(t *testing.T, env string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), env)
	if os.Geteuid() == 0 && strings.HasPrefix(env, openEnv) {
		// The binary stands where only root reads; it is handed over open.
		self, err := os.Open("/proc/self/exe")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = self.Close() }()
		cmd.Path, cmd.ExtraFiles = "/proc/self/fd/3", []*os.File{self}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: 65534, Gid: 65534}}
		cmd.Dir = "/"
	}
	var talk bytes.Buffer
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s%s", err, out, talk.Bytes())
	}
	return string(out)
}
