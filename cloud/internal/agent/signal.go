package agent

import (
	"strconv"
	"strings"
	"syscall"
)

// linuxSignals are the signals that images name as their stop signal. The numbers are
// Linux's, since containers are, whatever the machine.
var linuxSignals = map[string]syscall.Signal{
	"HUP": 1, "INT": 2, "QUIT": 3, "ILL": 4, "TRAP": 5, "ABRT": 6, "BUS": 7, "FPE": 8,
	"KILL": 9, "USR1": 10, "SEGV": 11, "USR2": 12, "PIPE": 13, "ALRM": 14, "TERM": 15,
	"STKFLT": 16, "CHLD": 17, "CONT": 18, "STOP": 19, "TSTP": 20, "TTIN": 21, "TTOU": 22,
	"URG": 23, "XCPU": 24, "XFSZ": 25, "VTALRM": 26, "PROF": 27, "WINCH": 28, "IO": 29,
	"PWR": 30, "SYS": 31, "RTMIN": 34, "RTMAX": 64,
}

// parseSignal reads an image's stop signal: "SIGQUIT", "quit", "3", "SIGRTMIN+3". What it
// cannot read is SIGTERM, as an empty one is.
func parseSignal(s string) syscall.Signal {
	s = strings.TrimPrefix(strings.ToUpper(strings.TrimSpace(s)), "SIG")
	if n, err := strconv.Atoi(s); err == nil && n > 0 && n <= 64 {
		return syscall.Signal(n)
	}
	base, offset := s, 0
	if i := strings.IndexAny(s, "+-"); i > 0 {
		base = s[:i]
		offset, _ = strconv.Atoi(s[i:])
	}
	n, ok := linuxSignals[base]
	if sig := n + syscall.Signal(offset); ok && sig > 0 && sig <= 64 {
		return sig
	}
	return syscall.SIGTERM
}
