package native

import (
	"errors"
	"io/fs"
	"slices"
	"strconv"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/turnoutdev/turnout/cloud/internal/runtime/native/inside"
)

// account is a user of an image.
type account struct {
	inside.User
	home string
}

// account finds the user of a container, "" for the image's own, as Docker does: names
// must stand in the image's /etc/passwd and /etc/group, numbers need not.
func (d *driver) account(user string, image *v1.ConfigFile) (account, error) {
	if user == "" {
		user = image.Config.User
	}
	passwd, err := d.read(image, "etc/passwd")
	if err != nil {
		return account{}, err
	}
	groups, err := d.read(image, "etc/group")
	if err != nil {
		return account{}, err
	}
	return findAccount(user, passwd, groups)
}

// read reads a table, which an image may lack.
func (d *driver) read(image *v1.ConfigFile, name string) ([][]string, error) {
	text, err := d.layers.ReadFile(image.RootFS.DiffIDs, name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	return table(string(text)), nil
}

// table splits lines into their fields, of which there must be three.
func table(text string) [][]string {
	var rows [][]string
	for line := range strings.Lines(text) {
		if fields := strings.Split(strings.TrimSpace(line), ":"); len(fields) >= 3 {
			rows = append(rows, fields)
		}
	}
	return rows
}

func findAccount(user string, passwd, groups [][]string) (account, error) {
	name, group, hasGroup := strings.Cut(user, ":")
	if name == "" {
		name = "0"
	}
	a := account{home: "/"}
	row := find(passwd, name)
	switch {
	case row != nil:
		a.UID, a.GID, name = number(row[2]), number(field(row, 3)), row[0]
		if home := field(row, 5); home != "" {
			a.home = home
		}
	case number(name) >= 0:
		a.UID = number(name)
	default:
		return a, refuse("unable to find user %s: no matching entries in passwd file", name)
	}
	if a.UID < 0 || a.GID < 0 {
		return a, refuse("user %s: the image's passwd file has no valid numbers", name)
	}
	if !hasGroup || group == "" {
		a.Groups = memberOf(groups, name, a.GID)
		return a, nil
	}
	row = find(groups, group)
	switch {
	case row != nil:
		a.GID = number(row[2])
	case number(group) >= 0:
		a.GID = number(group)
	}
	if row == nil && number(group) < 0 || a.GID < 0 {
		return a, refuse("unable to find group %s: no matching entries in group file", group)
	}
	return a, nil
}

// find looks up a name, else a number.
func find(rows [][]string, key string) []string {
	for _, column := range []int{0, 2} {
		for _, row := range rows {
			if row[column] == key {
				return row
			}
		}
	}
	return nil
}

func field(row []string, i int) string {
	if i < len(row) {
		return row[i]
	}
	return ""
}

// number is -1 for what is no user or group number.
func number(s string) int {
	n, err := strconv.ParseUint(s, 10, 31)
	if err != nil {
		return -1
	}
	return int(n)
}

// memberOf lists the groups that name a user, but for the primary one.
func memberOf(groups [][]string, name string, primary int) []int {
	var all []int
	for _, row := range groups {
		gid := number(row[2])
		if gid >= 0 && gid != primary && slices.Contains(strings.Split(field(row, 3), ","), name) {
			all = append(all, gid)
		}
	}
	return all
}
