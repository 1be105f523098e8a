// Command probe is the program in drivertest's images: the first argument says what it
// does. It runs without anything else in the image.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// About is what "about" prints of the process, as one line of JSON.
type About struct {
	Args     []string
	Env      []string
	UID, GID int
	Groups   []int
	Cwd      string
	Hostname string
	PID      int
	Status   map[string]string // /proc/self/status
	NoFile   [2]uint64         // soft and hard limit
}

var verbs = map[string]func(args []string) error{
	"about":    func([]string) error { return about() },
	"exit":     exit,
	"serve":    serve,
	"wait":     func([]string) error { return wait(7) },
	"sleep":    func([]string) error { return forever() },
	"idle":     func([]string) error { fmt.Println("ready"); return forever() },
	"stubborn": func([]string) error { return stubborn() },
	"cat":      cat,
	"echo":     func(args []string) error { fmt.Println(strings.Join(args, " ")); return nil },
	"stdin":    func([]string) error { _, err := io.Copy(os.Stdout, os.Stdin); return err },
	"write":    write,
	"reopen":   reopen,
	"get":      get,
	"dial":     dial,
	"flood":    flood,
	"eat":      eat,
	"burn":     burn,
	"terminal": func([]string) error { return terminal() },
	"orphans":  orphans,
}

func main() {
	if len(os.Args) < 2 || verbs[os.Args[1]] == nil {
		// What a program without a known verb says is what it was called with.
		fmt.Println("probe", strings.Join(os.Args[1:], " "))
		os.Exit(2)
	}
	if err := verbs[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func about() error {
	a := About{Args: os.Args, Env: os.Environ(), UID: os.Getuid(), GID: os.Getgid(), PID: os.Getpid(), Status: map[string]string{}}
	a.Groups, _ = os.Getgroups()
	a.Cwd, _ = os.Getwd()
	a.Hostname, _ = os.Hostname()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(status)) {
		k, v, _ := strings.Cut(line, ":")
		a.Status[k] = strings.TrimSpace(v)
	}
	limits, err := os.ReadFile("/proc/self/limits") // Go raises its own soft limit
	if err != nil {
		return err
	}
	for line := range strings.Lines(string(limits)) {
		if rest, ok := strings.CutPrefix(line, "Max open files"); ok {
			if _, err := fmt.Sscan(rest, &a.NoFile[0], &a.NoFile[1]); err != nil {
				return err
			}
		}
	}
	return json.NewEncoder(os.Stdout).Encode(a)
}

func exit(args []string) error {
	code, err := strconv.Atoi(args[0])
	if err == nil {
		os.Exit(code)
	}
	return err
}

// serve answers on a port until SIGTERM, and then exits with 0.
func serve(args []string) error {
	l, err := net.Listen("tcp", ":"+args[0])
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintf(w, "%s %s", strings.Join(args[1:], " "), r.Context().Value(http.LocalAddrContextKey))
	})
	go http.Serve(l, mux)
	return wait(0)
}

// wait says "ready", waits for SIGTERM, says so, and exits.
func wait(code int) error {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGTERM, syscall.SIGHUP)
	fmt.Println("ready")
	for got := range c {
		fmt.Println("got", got)
		if got == syscall.SIGTERM {
			os.Exit(code)
		}
	}
	return nil
}

func stubborn() error {
	signal.Ignore(syscall.SIGTERM)
	fmt.Println("ready")
	return forever()
}

// forever waits; an empty select would be a deadlock to Go's runtime.
func forever() error {
	for {
		time.Sleep(time.Hour)
	}
}

func cat(args []string) error {
	for _, name := range args {
		b, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		os.Stdout.Write(b)
	}
	return nil
}

func write(args []string) error {
	if err := os.MkdirAll(filepath.Dir(args[0]), 0o755); err != nil {
		return err
	}
	return os.WriteFile(args[0], []byte(strings.Join(args[1:], " ")), 0o644)
}

// reopen writes to /dev/stdout as a shell's redirection does, and then to stdout again.
func reopen(args []string) error {
	f, err := os.Create("/dev/stdout")
	if err != nil {
		return err
	}
	fmt.Fprintln(f, args[0])
	fmt.Println(args[1])
	return f.Close()
}

func get(args []string) error {
	c := http.Client{Timeout: 5 * time.Second}
	r, err := c.Get(args[0])
	if err != nil {
		return err
	}
	defer r.Body.Close()
	_, err = io.Copy(os.Stdout, r.Body)
	return err
}

// dial prints what the other side of a TCP connection says.
func dial(args []string) error {
	c, err := net.DialTimeout("tcp", args[0], 5*time.Second)
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = io.Copy(os.Stdout, c)
	return err
}

// flood prints that many numbered lines.
func flood(args []string) error {
	n, err := strconv.Atoi(args[0])
	for i := range n {
		fmt.Printf("line %d of a container that writes much in a short time\n", i)
	}
	return err
}

// eat uses that many MiB of memory.
func eat(args []string) error {
	n, err := strconv.Atoi(args[0])
	var kept [][]byte
	for range n {
		b := make([]byte, 1<<20)
		for i := 0; i < len(b); i += 4096 {
			b[i] = 1
		}
		kept = append(kept, b)
	}
	fmt.Println("ate", len(kept))
	return err
}

// terminal waits until its terminal has a size, tells of it, reads a line, and exits with 3
// when it has said what it read.
func terminal() error {
	for {
		var size [4]uint16
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, 0, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size))); errno != 0 {
			return errno
		}
		if size[0] > 0 {
			fmt.Printf("%dx%d\n", size[0], size[1])
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	line, err := bufio.NewReader(os.Stdin).ReadString('\n')
	if err != nil {
		return err
	}
	if _, err := os.Open("/dev/tty"); err != nil {
		fmt.Println("no controlling terminal:", err)
	}
	fmt.Printf("read %q\n", line)
	os.Exit(3)
	return nil
}

// burn has a child that holds as many MiB as are asked for and keeps a CPU busy, until it
// is killed.
func burn(args []string) error {
	if len(args) < 2 {
		p, err := os.StartProcess("/proc/self/exe", []string{"probe", "burn", args[0], "child"}, &os.ProcAttr{Files: []*os.File{nil, os.Stdout, os.Stderr}})
		if err != nil {
			return err
		}
		_, err = p.Wait()
		return err
	}
	n, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	held := make([]byte, n<<20)
	for i := 0; i < len(held); i += 4096 {
		held[i] = 1
	}
	fmt.Println("burning")
	for i := 0; ; i = (i + 1) % len(held) {
		held[i]++
	}
}

// orphans starts a child that leaves a grandchild behind, and tells, a second after
// that ended, how many zombies there are.
func orphans(args []string) error {
	if len(args) > 0 {
		_, err := os.StartProcess("/proc/self/exe", []string{"probe", "exit", "0"}, &os.ProcAttr{})
		return err
	}
	p, err := os.StartProcess("/proc/self/exe", []string{"probe", "orphans", "child"}, &os.ProcAttr{})
	if err != nil {
		return err
	}
	if _, err := p.Wait(); err != nil {
		return err
	}
	zombies := 0
	for range 100 {
		time.Sleep(10 * time.Millisecond)
		if zombies = countZombies(); zombies == 0 {
			break
		}
	}
	fmt.Println("zombies", zombies)
	return nil
}

func countZombies() int {
	n := 0
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, s := range stats {
		if b, err := os.ReadFile(s); err == nil && strings.Contains(string(b), ") Z ") {
			n++
		}
	}
	return n
}
