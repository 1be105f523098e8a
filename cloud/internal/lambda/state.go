package lambda

import (
	"errors"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// function is what the versions of a function share, keyed by its name.
type function struct {
	Name     string
	Last     int // the newest version's number
	Tags     map[string]string
	Policy   map[string]policy // by qualifier, "" for the function itself
	Reserved *int32            // concurrency
}

// revision is a function's code and configuration, keyed by name and version.
type revision struct {
	Config types.FunctionConfiguration
	Code   code
	Of     string // of a published version: the RevisionId that $LATEST had
}

// code is either a zip, a file of the service's folder, or an image.
type code struct {
	Zip      string // its name
	Image    string // as the caller names it
	Resolved string // by digest
}

type tables struct {
	functions store.Table[function]
	revisions store.Table[revision]
	aliases   store.Table[types.AliasConfiguration]
}

func openTables(s *store.Store) (t tables, err error) {
	var errs [3]error
	t.functions, errs[0] = store.NewTable[function](s, "lambda/functions")
	t.revisions, errs[1] = store.NewTable[revision](s, "lambda/revisions")
	t.aliases, errs[2] = store.NewTable[types.AliasConfiguration](s, "lambda/aliases")
	return t, errors.Join(errs[:]...)
}

const latest = "$LATEST"

// key joins a function's name with a version or an alias.
func key(name, part string) string { return name + " " + part }

// zip is where a zip is kept.
func (s *Service) zip(name string) string { return filepath.Join(s.Dir, "code", name) }

// forget removes what an earlier process has left: zips that no revision has, and logs.
func (s *Service) forget() error {
	used := map[string]bool{}
	s.Store.View(func(tx *store.Tx) {
		for _, r := range s.t.revisions.All(tx, "") {
			used[r.Code.Zip] = true
		}
	})
	var errs []error
	for folder, keep := range map[string]map[string]bool{"code": used, "logs": nil} {
		files, err := os.ReadDir(filepath.Join(s.Dir, folder))
		errs = append(errs, err)
		for _, f := range files {
			if !keep[f.Name()] {
				errs = append(errs, os.RemoveAll(filepath.Join(s.Dir, folder, f.Name())))
			}
		}
	}
	return errors.Join(errs...)
}

// drop deletes a function with all that belongs to it. Its zips go with the next start.
func (s *Service) drop(tx *store.Tx, name string) {
	for k := range s.t.revisions.All(tx, key(name, "")) {
		s.t.revisions.Delete(tx, k)
	}
	for k := range s.t.aliases.All(tx, key(name, "")) {
		s.t.aliases.Delete(tx, k)
	}
	s.t.functions.Delete(tx, name)
}
