// Command gen writes the tables of package constraints from botocore's service models.
//
//	go run ./gen DATA OUT SERVICE=ID…
//
// DATA is botocore's data folder, OUT the folder to write to, SERVICE a folder of DATA
// and ID the name of the table. Each table is a text of one fact per line:
//
//	op NAME INPUT [void] [unsigned]       an operation, its input shape, without output, without signature
//	http NAME METHOD URI STATUS           where a restJson operation is found
//	at SHAPE MEMBER PLACE NAME            a member that is not in the body: uri, querystring, header(s), payload, statusCode
//	err SHAPE CODE STATUS MESSAGE         an error: awsQuery's code, HTTP status, member for its message or "-"
//	s SHAPE MEMBER[!][=SHAPE]…            a structure: ! for required, SHAPE where it is constrained
//	l SHAPE RANGE ELEMENT                 a list
//	m SHAPE RANGE KEY VALUE               a map
//	t SHAPE RANGE [PATTERN]               a text
//	b SHAPE RANGE                         a blob
//	n SHAPE RANGE                         a number
//
// RANGE is MIN..MAX, either of which may be missing; a shape without constraints is "-";
// a star after the letter says that values are secret. Only what inputs reach is written.
package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(args []string) error {
	if len(args) < 3 {
		return errors.New("usage: gen DATA OUT SERVICE=ID…")
	}
	for _, arg := range args[2:] {
		service, id, ok := strings.Cut(arg, "=")
		if !ok {
			id = service
		}
		m, err := load(args[0], service)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(args[1], id+".txt"), []byte(m.table()), 0o644); err != nil {
			return err
		}
	}
	return nil
}
