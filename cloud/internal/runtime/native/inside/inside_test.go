//go:build linux

package inside

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

// What runs in namespaces is tested by the driver's suite; here stands what can be looked
// at alone.

func TestFind(t *testing.T) {
	dir := t.TempDir()
	for name, mode := range map[string]os.FileMode{"a/run": 0o755, "a/data": 0o644, "b/run": 0o755, "b/data": 0o755, "b/dir/x": 0o644} {
		file := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, mode); err != nil {
			t.Fatal(err)
		}
	}
	path := "PATH=" + dir + "/a:" + dir + "/b"
	for _, c := range []struct {
		name string
		env  []string
		want string
		code int
	}{
		{"run", []string{path}, dir + "/a/run", 0},
		{"data", []string{path}, dir + "/b/data", 0}, // the first has no x bit
		{"run", []string{path, "PATH=" + dir + "/b"}, dir + "/b/run", 0},
		{dir + "/a/run", nil, dir + "/a/run", 0},
		{"none", []string{path}, `exec: "none": executable file not found in $PATH`, notFound},
		{"dir", []string{path}, `exec: "dir": executable file not found in $PATH`, notFound},
		{"run", nil, `exec: "run": executable file not found in $PATH`, notFound},
		{dir + "/b/dir", nil, "is a directory", notExecutable},
		{dir + "/a/data", nil, "permission denied", notExecutable},
		{dir + "/none", nil, "no such file or directory", notFound},
	} {
		got, err := find(c.name, c.env)
		var about *refusal
		switch {
		case c.code == 0 && (err != nil || got != c.want):
			t.Errorf("%s: %q, %v, want %s", c.name, got, err, c.want)
		case c.code != 0 && (!errors.As(err, &about) || about.code != c.code || !strings.HasSuffix(about.reason, c.want)):
			t.Errorf("%s: %v, want %d %s", c.name, err, c.code, c.want)
		}
	}
}

func TestFailure(t *testing.T) {
	about := &refusal{"exec: no", notFound}
	for _, c := range []struct {
		err  error
		want Reply
	}{
		{errors.New("broken"), Reply{ID: 7, Err: "broken"}},
		{about, Reply{ID: 7, Err: "exec: no", Refused: true, Code: notFound}},
		{fmt.Errorf("again: %w", about), Reply{ID: 7, Err: "again: exec: no", Refused: true, Code: notFound}},
	} {
		if d := cmp.Diff(c.want, failure(7, c.err), cmp.AllowUnexported(Reply{})); d != "" {
			t.Errorf("%v (-want +got):\n%s", c.err, d)
		}
	}
	text, err := json.Marshal(failure(0, about))
	if err != nil {
		t.Fatal(err)
	}
	if got := readStatus(bytes.NewReader(text)); cmp.Diff(about, got, cmp.AllowUnexported(refusal{})) != "" {
		t.Errorf("through the pipe: %v", got)
	}
	if err := readStatus(strings.NewReader("")); err != nil {
		t.Errorf("a program that started: %v", err)
	}
	if err := readStatus(strings.NewReader(`{"Err":"x"}`)); err == nil || err.Error() != "set up container: x" {
		t.Errorf("a set-up that broke: %v", err)
	}
	if err := readStatus(strings.NewReader("panic: …")); err == nil {
		t.Error("noise is taken for a start")
	}
}

func TestExitCode(t *testing.T) {
	for status, want := range map[unix.WaitStatus]int{0: 0, 3 << 8: 3, 255 << 8: 255, 9: 137, 15: 143, 6 | 0x80: 134} {
		if got := exitCode(status); got != want {
			t.Errorf("%x: %d, want %d", uint32(status), got, want)
		}
	}
}

func sockets(t *testing.T) (a, b int) {
	t.Helper()
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_SEQPACKET|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { closeAll(pair[:]) })
	return pair[0], pair[1]
}

func TestPackets(t *testing.T) {
	here, there := sockets(t)
	f, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	want := Request{ID: 1, Op: OpNetwork, Hostname: "h", Addr: [4]byte{10, 0, 0, 1}, Extra: [][4]byte{{1, 2, 3, 4}}}
	text, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Sendmsg(there, text, unix.UnixRights(int(f.Fd()), int(f.Fd())), nil, 0); err != nil {
		t.Fatal(err)
	}
	got, files, err := receive(here)
	if err != nil || len(files) != 2 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	defer closeAll(files)
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	for _, fd := range files {
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
			t.Errorf("descriptor %d would be inherited: %v", fd, err)
		}
	}
	if err := send(here, Reply{ID: 1, Err: strings.Repeat("long ", MaxPacket), files: files}); err != nil {
		t.Fatal(err)
	}
	buf, oob := make([]byte, MaxPacket), make([]byte, unix.CmsgSpace(4*MaxFiles))
	n, oobn, _, _, err := unix.Recvmsg(there, buf, oob, 0)
	if err != nil {
		t.Fatal(err)
	}
	passed, err := Files(oob[:oobn])
	defer closeAll(passed)
	var r Reply
	if json.Unmarshal(buf[:n], &r) != nil || len(r.Err) != MaxPacket/2 || len(passed) != 2 || err != nil {
		t.Errorf("reply of %d bytes with %d files, %v", n, len(passed), err)
	}
	if err := unix.Sendmsg(there, []byte("noise"), nil, nil, 0); err != nil {
		t.Fatal(err)
	}
	if _, _, err := receive(here); err == nil {
		t.Error("noise is taken for a request")
	}
	if err := unix.Shutdown(there, unix.SHUT_RDWR); err != nil {
		t.Fatal(err)
	}
	if _, _, err := receive(here); err != io.EOF {
		t.Errorf("at the end: %v", err)
	}
}

// Exits reach the one who started, however short the life.
func TestReaper(t *testing.T) {
	r := newReaper()
	for round := range 3 { // with pauses in which there is no child
		exits := map[int]<-chan unix.WaitStatus{}
		for code := range 20 {
			_, exit, err := r.start(func() (int, error) {
				return syscall.ForkExec("/bin/sh", []string{"sh", "-c", fmt.Sprint("exit ", code)}, &syscall.ProcAttr{})
			})
			if err != nil {
				t.Fatal(err)
			}
			exits[code] = exit
		}
		for code, exit := range exits {
			if got := exitCode(<-exit); got != code {
				t.Errorf("round %d: %d, want %d", round, got, code)
			}
		}
	}
	if _, _, err := r.start(func() (int, error) { return 0, errors.New("no") }); err == nil {
		t.Error("a fork that failed gives no error")
	}
}

func TestNetlinkAttribute(t *testing.T) {
	got := attribute(unix.IFLA_IFNAME, []byte("lo\x00"))
	if want := []byte{7, 0, unix.IFLA_IFNAME, 0, 'l', 'o', 0, 0}; !bytes.Equal(got, want) {
		t.Errorf("% x, want % x", got, want) // on little-endian machines
	}
}

func TestUnknownRequests(t *testing.T) {
	here, there := sockets(t)
	h := &holder{conn: here, running: map[uint64]*process{}}
	for _, req := range []Request{{ID: 1, Op: "dance"}, {ID: 2, Op: OpRun}, {ID: 3, Op: OpExec}, {ID: 4, Op: OpHolder, User: &User{}}} {
		h.serve(req, nil)
		buf := make([]byte, MaxPacket)
		n, err := unix.Read(there, buf)
		var r Reply
		if err != nil || json.Unmarshal(buf[:n], &r) != nil || r.ID != req.ID || r.Err == "" {
			t.Errorf("%s: %+v, %v", req.Op, r, err)
		}
	}
	h.serve(Request{ID: 5, Op: OpSignal, Target: 99, Signal: 9}, nil) // has exited, say
	buf := make([]byte, MaxPacket)
	if n, err := unix.Read(there, buf); err != nil || string(buf[:n]) != `{"ID":5}` {
		t.Errorf("signal to nothing: %s, %v", buf[:n], err)
	}
}
