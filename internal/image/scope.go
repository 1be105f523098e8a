package image

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"
)

const maxLinks = 255

// within resolves a path of an image whose files stand below root, reading links as a
// process inside the image would: absolute ones begin at root, and ".." ends there. The
// result is relative to root and has no link in it, except for its last element when
// follow is false. What does not exist resolves to itself.
func within(root, p string, follow bool) (string, error) {
	rest := strings.Split(p, "/")
	at, links := "", 0
	for len(rest) > 0 {
		name := rest[0]
		rest = rest[1:]
		switch name {
		case "", ".":
			continue
		case "..":
			if at = path.Dir(at); at == "." {
				at = ""
			}
			continue
		}
		next := path.Join(at, name)
		link, err := os.Readlink(filepath.Join(root, filepath.FromSlash(next)))
		if err != nil || len(rest) == 0 && !follow { // no link, or nothing there
			at = next
			continue
		}
		if links++; links > maxLinks {
			return "", fmt.Errorf("%s: too many links", p)
		}
		if path.IsAbs(link) {
			at = ""
		}
		rest = append(strings.Split(link, "/"), rest...)
	}
	return at, nil
}

// inRoot is the file of this machine that a path of the image means.
func inRoot(root, p string) (string, error) {
	p, err := within(root, p, true)
	return filepath.Join(root, filepath.FromSlash(p)), err
}
