package inside

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// Descriptors that a container process starts with, beside 0, 1 and 2 of its program.
const (
	planFile = 3 + iota
	statusFile
	cgroupFiles // and the following
)

// refusal is an error about the program, not the machine.
type refusal struct {
	reason string
	code   int // as shells tell it
}

// What a shell's exit code says of a program that was not executed.
const (
	notExecutable = 126
	notFound      = 127
)

func (e *refusal) Error() string { return e.reason }

// becomeContainer sets up a container and becomes its program. What fails is told through
// statusFile, which otherwise ends empty, by execve.
func becomeContainer() int {
	err := func() error {
		p, err := readPlan(planFile)
		if err != nil {
			return err
		}
		if err := p.Root.join(); err != nil {
			return err
		}
		if err := p.Root.enter(); err != nil {
			return err
		}
		return p.execute()
	}()
	report(err)
	return 1
}

// report writes an error to statusFile.
func report(err error) {
	text, _ := json.Marshal(failure(0, err)) // strings and numbers
	_, _ = unix.Write(statusFile, text)      // nobody is left to tell
}

// join moves this process into the container's cgroups, which become the root of what
// it sees of them.
func (r *Root) join() error {
	for i := range r.Cgroups {
		if _, err := unix.Write(cgroupFiles+i, []byte("0")); err != nil {
			return fmt.Errorf("join cgroup: %w", err)
		}
		_ = unix.Close(cgroupFiles + i)
	}
	if r.Cgroups == 0 {
		return nil
	}
	if err := unix.Unshare(unix.CLONE_NEWCGROUP); err != nil {
		return fmt.Errorf("cgroup namespace: %w", err)
	}
	return nil
}

// execute becomes the program, as its user, or its init. It returns only errors.
func (p *Plan) execute() error {
	syscall.Umask(0o022)
	for fd := 1; fd <= 2; fd++ { // /dev/stdout can be opened by name then
		if err := unix.Fchown(fd, p.User.UID, p.User.GID); err != nil {
			return fmt.Errorf("give output to the user: %w", err)
		}
	}
	if err := setLimits(0, p.Limits); err != nil {
		return err
	}
	if err := narrow(*p); err != nil {
		return err
	}
	if err := become(*p); err != nil {
		return err
	}
	if err := os.Chdir(p.Dir); err != nil {
		return &refusal{fmt.Sprintf("working directory %s: %v", p.Dir, errors.Unwrap(err)), notExecutable}
	}
	path, err := find(p.Argv[0], p.Env)
	if err != nil {
		return err
	}
	if p.Root.Init {
		return p.beInit(path)
	}
	return notExecuted(path, unix.Exec(path, p.Argv, p.Env))
}

// find is where a program lies, by the PATH of env.
func find(name string, env []string) (string, error) {
	if strings.Contains(name, "/") {
		return name, mayExecute(name, name)
	}
	var path string
	for _, kv := range env {
		if v, ok := strings.CutPrefix(kv, "PATH="); ok {
			path = v
		}
	}
	for dir := range strings.SplitSeq(path, ":") {
		if dir == "" {
			dir = "."
		}
		file := dir + "/" + name
		if mayExecute(name, file) == nil {
			return file, nil
		}
	}
	return "", &refusal{fmt.Sprintf("exec: %q: executable file not found in $PATH", name), notFound}
}

func mayExecute(name, file string) error {
	info, err := os.Stat(file)
	switch {
	case err != nil:
		return &refusal{fmt.Sprintf("exec: %q: %v", name, err), notFound}
	case info.IsDir():
		return &refusal{fmt.Sprintf("exec: %q: is a directory", name), notExecutable}
	case info.Mode()&0o111 == 0:
		return &refusal{fmt.Sprintf("exec: %q: permission denied", name), notExecutable}
	}
	return nil
}

// notExecuted explains execve's errors.
func notExecuted(path string, err error) error {
	reason := fmt.Sprintf("exec %s: %v", path, err)
	if err == unix.ENOENT { // the file is there, so it is what runs it
		reason += " (its interpreter or dynamic loader is not in the image)"
	}
	return &refusal{reason, notExecutable}
}
