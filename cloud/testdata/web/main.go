// Web is what the cloud's tests deploy: it answers every request but the health check
// with the status in $STATUS, or 200. With $BUSY it keeps a CPU busy, with a code in $EXIT it
// ends at once. With --terminal it tells of its terminal, and of what it reads there until
// that is "exit".
package main

import (
	"bufio"
	"fmt"
	"log"
	"net/http"
	"os"
	"strconv"
	"syscall"
	"time"
	"unsafe"
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == "--terminal" {
		terminal()
		return
	}
	if code, err := strconv.Atoi(os.Getenv("EXIT")); err == nil {
		log.Print("no database at db.internal")
		os.Exit(code)
	}
	status, err := strconv.Atoi(os.Getenv("STATUS"))
	if err != nil {
		status = http.StatusOK
	}
	if os.Getenv("BUSY") != "" {
		go func() {
			for {
				continue
			}
		}()
	}
	http.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	http.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
	log.Fatal((&http.Server{Addr: ":9000", ReadHeaderTimeout: 10 * time.Second}).ListenAndServe())
}

// terminal waits for its terminal's size, and reads lines.
func terminal() {
	fmt.Printf("arguments %q, TERM=%s\n", os.Args[1:], os.Getenv("TERM"))
	var size [4]uint16
	for size[0] == 0 {
		if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, 0, syscall.TIOCGWINSZ, uintptr(unsafe.Pointer(&size))); errno != 0 {
			log.Fatal(errno)
		}
		time.Sleep(10 * time.Millisecond)
	}
	fmt.Printf("size %dx%d\n", size[0], size[1])
	for in := bufio.NewReader(os.Stdin); ; {
		line, err := in.ReadString('\n')
		fmt.Printf("read %q\n", line)
		if err != nil || line == "exit\n" {
			return
		}
	}
}
