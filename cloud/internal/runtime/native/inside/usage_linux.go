package inside

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// tick is the unit of the kernel's process times, in nanoseconds: USER_HZ is 100 on all
// machines.
const tick = 10_000_000

// usage sums up what a container's first process and its descendants use. What has ended
// and was waited for is part of its parent's times.
func (h *holder) usage(target uint64) (cpu, memory int64, err error) {
	pid, err := h.visible(target)
	if err != nil {
		return 0, 0, err
	}
	todo := []string{pid}
	for len(todo) > 0 {
		pid, todo = todo[0], todo[1:]
		ticks, bytes, ok := measure(pid)
		if !ok { // has exited meanwhile
			continue
		}
		cpu, memory = cpu+ticks*tick, memory+bytes
		todo = append(todo, children(pid)...)
	}
	return cpu, memory, nil
}

// visible is the name that a container's first process has in /proc, which may be that of
// another PID namespace than the holder's.
func (h *holder) visible(target uint64) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	p := h.running[target]
	if p == nil || p.group {
		return "", fmt.Errorf("the container is not running")
	}
	text, err := os.ReadFile("/proc/self/fdinfo/" + strconv.Itoa(p.pidfd))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(text)) {
		if pid, ok := strings.CutPrefix(line, "Pid:"); ok && strings.TrimSpace(pid) != "-1" {
			return strings.TrimSpace(pid), nil
		}
	}
	return "", fmt.Errorf("the container is not running")
}

// measure reads a process's times, in ticks, and its resident memory.
func measure(pid string) (ticks, bytes int64, ok bool) {
	text, err := os.ReadFile("/proc/" + pid + "/stat")
	if err != nil {
		return 0, 0, false
	}
	// The program's name may have spaces and parentheses; the third field follows it.
	fields := strings.Fields(string(text)[strings.LastIndexByte(string(text), ')')+1:])
	if len(fields) < 22 {
		return 0, 0, false
	}
	for _, f := range fields[11:15] { // utime, stime, and those of children
		n, _ := strconv.ParseInt(f, 10, 64)
		ticks += n
	}
	pages, _ := strconv.ParseInt(fields[21], 10, 64)
	return ticks, pages * int64(os.Getpagesize()), true
}

// children are those of all threads of a process.
func children(pid string) []string {
	threads, err := os.ReadDir("/proc/" + pid + "/task")
	if err != nil {
		return nil
	}
	var all []string
	for _, t := range threads {
		text, err := os.ReadFile("/proc/" + pid + "/task/" + t.Name() + "/children")
		if err == nil {
			all = append(all, strings.Fields(string(text))...)
		}
	}
	return all
}
