package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/token"

	"github.com/turnoutdev/turnout/internal/document"
	"github.com/turnoutdev/turnout/internal/spell"
)

// Names are the file names that Find looks for, in order.
var Names = []string{"turnout.yml", "turnout.yaml"}

// ErrNone is matched by Find's error when a folder has no configuration.
var ErrNone = errors.New("no turnout.yml")

// Find returns the configuration file for path: the file itself, or the one in the
// folder.
func Find(path string) (string, error) {
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", &document.Error{File: path, Message: "there is no such file or folder", Hint: "--file names a turnout.yml, or the folder it stands in"}
	}
	if err != nil {
		return "", err
	}
	if !st.IsDir() {
		return path, nil
	}
	for _, n := range Names {
		if f := filepath.Join(path, n); exists(f) {
			return f, nil
		}
	}
	return "", fmt.Errorf("%w in %s", ErrNone, path)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// Load reads the configuration at path (a file or a folder), fills in the defaults and
// checks it.
func Load(path string) (*Config, error) {
	file, err := Find(path)
	if err != nil {
		return nil, err
	}
	src, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	return Parse(file, src)
}

// Parse reads a configuration; file names it in messages and gives the folder that its
// paths are relative to.
func Parse(file string, src []byte) (*Config, error) {
	c := fresh(file)
	if strings.TrimSpace(string(src)) != "" {
		if err := yaml.UnmarshalWithOptions(src, c, yaml.Strict()); err != nil {
			return nil, fault(file, err)
		}
	}
	d, err := document.Parse(file, src)
	if err != nil {
		return nil, err
	}
	c.defaults()
	return c, check(c, d)
}

// fault turns goccy's errors into one line with a place and, for unknown keys, a guess.
func fault(file string, err error) error {
	e := &document.Error{File: file, Message: strings.SplitN(err.Error(), "\n", 2)[0]}
	var tk *token.Token
	var unknown *yaml.UnknownFieldError
	var wrong *yaml.TypeError
	var syntax *yaml.SyntaxError
	var twice *yaml.DuplicateKeyError
	switch {
	case errors.As(err, &unknown):
		tk = unknown.Token
		e.Message = fmt.Sprintf("unknown key %q", tk.Value)
		if near := spell.Nearest(tk.Value, keys()); near != "" {
			e.Hint = fmt.Sprintf("did you mean %q?", near)
		} else {
			e.Hint = "`turnout schema` prints what may stand here"
		}
	case errors.As(err, &wrong):
		tk = wrong.Token
		e.Message = fmt.Sprintf("%q does not fit here: expected %s", tk.Value, wrong.DstType)
	case errors.As(err, &syntax):
		tk, e.Message = syntax.Token, "not valid YAML: "+syntax.Message
	case errors.As(err, &twice):
		tk, e.Message = twice.Token, fmt.Sprintf("the key %q stands twice", twice.Token.Value)
	}
	if tk != nil && tk.Position != nil {
		e.Line, e.Column = tk.Position.Line, tk.Position.Column
	}
	return e
}

// Path makes a configured path absolute or relative to the working folder.
func (c *Config) Path(p string) string {
	if filepath.IsAbs(p) {
		return p
	}
	return filepath.Join(c.Dir, p)
}

// HasAppSpec tells whether there is an appspec; a rolling service has none.
func (c *Config) HasAppSpec() bool { return exists(c.Path(c.AppSpec)) }

// Of is the configuration of a service that has no file: names and defaults.
func Of(cluster, service string) *Config {
	c := &Config{Cluster: cluster, Service: service}
	c.defaults()
	return c
}
