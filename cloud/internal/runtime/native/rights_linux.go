package native

import (
	"strings"

	"golang.org/x/sys/unix"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

var limitNumbers = map[string]int{
	"as": unix.RLIMIT_AS, "core": unix.RLIMIT_CORE, "cpu": unix.RLIMIT_CPU, "data": unix.RLIMIT_DATA, "fsize": unix.RLIMIT_FSIZE,
	"locks": unix.RLIMIT_LOCKS, "memlock": unix.RLIMIT_MEMLOCK, "msgqueue": unix.RLIMIT_MSGQUEUE, "nice": unix.RLIMIT_NICE,
	"nofile": unix.RLIMIT_NOFILE, "nproc": unix.RLIMIT_NPROC, "rss": unix.RLIMIT_RSS, "rtprio": unix.RLIMIT_RTPRIO,
	"rttime": unix.RLIMIT_RTTIME, "sigpending": unix.RLIMIT_SIGPENDING, "stack": unix.RLIMIT_STACK,
}

// capNames are the kernel's capabilities in the order of their numbers.
var capNames = strings.Fields(`CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE
	NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE
	SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL
	SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE`)

var allCaps = uint64(1)<<len(capNames) - 1

// defaultCaps are Docker's.
var defaultCaps = capSet(strings.Fields(`CHOWN DAC_OVERRIDE FSETID FOWNER MKNOD NET_RAW SETGID SETUID SETFCAP SETPCAP
	NET_BIND_SERVICE SYS_CHROOT KILL AUDIT_WRITE`))

// ownCaps are those that this process may pass on.
var ownCaps = func() (set uint64) {
	for i := range capNames {
		if has, err := unix.PrctlRetInt(unix.PR_CAPBSET_READ, uintptr(i), 0, 0, 0); err == nil && has == 1 {
			set |= 1 << i
		}
	}
	return set
}()

func capSet(names []string) (set uint64) {
	for _, name := range names {
		for i, known := range capNames {
			if name == known {
				set |= 1 << i
			}
		}
	}
	return set
}

// capabilities are those that a container's root user has, by Docker's rules, of those
// that are available.
func capabilities(spec runtime.ContainerSpec, available uint64) (uint64, error) {
	if spec.Privileged {
		return available, nil
	}
	drop, err := capList(spec.CapDrop)
	if err != nil {
		return 0, err
	}
	add, err := capList(spec.CapAdd)
	if err != nil {
		return 0, err
	}
	set := defaultCaps&^drop | add
	if add == allCaps && drop != allCaps {
		set = allCaps &^ drop
	}
	return set & available, nil
}

func capList(names []string) (set uint64, err error) {
	for _, name := range names {
		name = strings.TrimPrefix(strings.ToUpper(name), "CAP_")
		one := capSet([]string{name})
		if name == "ALL" {
			one = allCaps
		}
		if one == 0 {
			return 0, refuse("unknown capability %q", name)
		}
		set |= one
	}
	return set, nil
}
