// Web is what the cloud's tests deploy: it answers every request but the health check
// with the status in $STATUS, or 200. With $BUSY it keeps a CPU busy, with a code in $EXIT it
// ends at once.
package main

import (
	"log"
	"net/http"
	"os"
	"strconv"
	"time"
)

func main() {
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
