package image

import (
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"
)

// chown reads --chown: numbers, or names of the stage's own passwd and group; nil for
// none. A number alone is the group's too.
func (s *stage) chown(who string) (*owner, error) {
	if who == "" {
		return nil, nil
	}
	a, err := s.account(who)
	if err != nil {
		return nil, fmt.Errorf("--chown=%s: %w", who, err)
	}
	if _, err := strconv.Atoi(who); err == nil {
		a.group = a.id
	}
	return &owner{a.id, a.group}, nil
}

// account reads USER[:GROUP].
func (s *stage) account(who string) (account, error) {
	who, err := s.word(who)
	if err != nil {
		return account{}, err
	}
	user, group, hasGroup := strings.Cut(who, ":")
	a, err := s.lookup("/etc/passwd", user)
	if err != nil || !hasGroup {
		return a, err
	}
	g, err := s.lookup("/etc/group", group)
	a.group = g.id
	return a, err
}

// account is a line of a passwd or group file.
type account struct {
	id    int
	group int    // of a user; 0 if it has no line
	home  string // of a user
}

// lookup finds a name or number in a passwd or group file of the stage. Numbers need no
// line.
func (s *stage) lookup(file, name string) (account, error) {
	number, numErr := strconv.Atoi(name)
	local, err := inRoot(s.root, file)
	if err != nil {
		return account{}, err
	}
	b, err := os.ReadFile(local)
	if err != nil && numErr != nil {
		return account{}, fmt.Errorf("%q is no number, and the image has no %s", name, path.Base(file))
	}
	for line := range strings.Lines(string(b)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) < 3 || f[0] != name && f[2] != name {
			continue
		}
		a := account{home: "/"}
		if a.id, err = strconv.Atoi(f[2]); err != nil {
			continue
		}
		if len(f) >= 6 {
			a.group, _ = strconv.Atoi(f[3]) // a broken line has group 0, as in libc
			a.home = f[5]
		}
		return a, nil
	}
	if numErr != nil {
		return account{}, fmt.Errorf("%q is not in the image's %s", name, path.Base(file))
	}
	return account{id: number, home: "/"}, nil
}
