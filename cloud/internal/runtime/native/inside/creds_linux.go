package inside

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// lastCap is the highest capability of the running kernel.
func lastCap() int {
	var n int
	text, err := os.ReadFile("/proc/sys/kernel/cap_last_cap")
	if err == nil {
		_, err = fmt.Sscan(string(text), &n)
	}
	if err != nil || n > 63 {
		return unix.CAP_LAST_CAP
	}
	return n
}

func allCaps() []uintptr {
	caps := make([]uintptr, lastCap()+1)
	for i := range caps {
		caps[i] = uintptr(i)
	}
	return caps
}

// narrow takes from the calling thread, and so from what it executes, all that plan does
// not grant, but for its user: the capabilities that switching users needs are still in
// effect afterwards.
func narrow(p Plan) error {
	for c := range lastCap() + 1 {
		if p.Caps&(1<<c) != 0 {
			continue
		}
		if err := unix.Prctl(unix.PR_CAPBSET_DROP, uintptr(c), 0, 0, 0); err != nil {
			return fmt.Errorf("drop capability %d: %w", c, err)
		}
	}
	if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0); err != nil {
		return fmt.Errorf("clear ambient capabilities: %w", err)
	}
	if p.MayGain {
		return nil
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("set no_new_privs: %w", err)
	}
	return nil
}

// become makes the calling thread the plan's user with the plan's capabilities.
func become(p Plan) error {
	if err := switchUser(p.User); err != nil {
		return err
	}
	caps := p.Caps
	if p.User.UID != 0 {
		caps = 0
	}
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{
		{Effective: uint32(caps), Permitted: uint32(caps)},
		{Effective: uint32(caps >> 32), Permitted: uint32(caps >> 32)},
	}
	if err := unix.Capset(&header, &data[0]); err != nil {
		return fmt.Errorf("set capabilities: %w", err)
	}
	return nil
}

// switchUser calls the kernel directly: the functions of package syscall change all
// threads, which is slower and not needed right before execve.
func switchUser(u User) error {
	if !u.OneGroup {
		groups := make([]uint32, len(u.Groups))
		for i, g := range u.Groups {
			groups[i] = uint32(g)
		}
		var first unsafe.Pointer
		if len(groups) > 0 {
			first = unsafe.Pointer(&groups[0])
		}
		if _, _, err := unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(first), 0); err != 0 {
			return fmt.Errorf("set groups %v: %w", u.Groups, err)
		}
	}
	gid, uid := uintptr(u.GID), uintptr(u.UID)
	if _, _, err := unix.RawSyscall(unix.SYS_SETRESGID, gid, gid, gid); err != 0 {
		return fmt.Errorf("become group %d: %w", u.GID, err)
	}
	if _, _, err := unix.RawSyscall(unix.SYS_SETRESUID, uid, uid, uid); err != 0 {
		return fmt.Errorf("become user %d: %w", u.UID, err)
	}
	return nil
}

// setLimits sets resource limits of a process, 0 for this one. A hard limit above what
// this process may set is cut to it.
func setLimits(pid int, limits []Limit) error {
	for _, l := range limits {
		want := unix.Rlimit{Cur: l.Soft, Max: l.Hard}
		err := unix.Prlimit(pid, l.Resource, &want, nil)
		if err == unix.EPERM {
			var own unix.Rlimit
			if err := unix.Prlimit(pid, l.Resource, nil, &own); err != nil {
				return fmt.Errorf("read limit %d: %w", l.Resource, err)
			}
			want = unix.Rlimit{Cur: min(l.Soft, own.Max), Max: min(l.Hard, own.Max)}
			err = unix.Prlimit(pid, l.Resource, &want, nil)
		}
		if err != nil {
			return fmt.Errorf("set limit %d: %w", l.Resource, err)
		}
	}
	return nil
}
