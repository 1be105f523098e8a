// Package localcloud is how commands find the local cloud that `turnout up` started: a
// small file in its state folder with the endpoint and the credentials, readable by its
// owner only.
package localcloud

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Handle is what the file holds.
type Handle struct {
	Endpoint        string    `json:"endpoint"` // http://127.0.0.1:4566
	Console         string    `json:"console"`  // the web page
	Region          string    `json:"region"`
	Account         string    `json:"account"`
	AccessKeyID     string    `json:"accessKeyId"`
	SecretAccessKey string    `json:"secretAccessKey"`
	IDTokenURL      string    `json:"idTokenUrl"`    // where workflow jobs ask for identity tokens
	IDToken         string    `json:"idToken"`       // with which they ask
	TLS             string    `json:"tls,omitempty"` // https://127.0.0.1:4567, where AWS's own names are served
	CA              string    `json:"ca,omitempty"`  // file of the certificate that vouches for them
	PID             int       `json:"pid"`
	Started         time.Time `json:"started"`
	Driver          string    `json:"driver"`
	TimeScale       float64   `json:"timeScale"`
}

// ErrNone is matched when no cloud is running on a state folder.
var ErrNone = errors.New("no local cloud is running")

const name = "cloud.json"

// Folder is the default state folder: $XDG_STATE_HOME/turnout/cloud.
func Folder() (string, error) {
	base := os.Getenv("XDG_STATE_HOME")
	if base == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		base = filepath.Join(home, ".local", "state")
	}
	return filepath.Join(base, "turnout", "cloud"), nil
}

// Read returns the handle of the cloud that runs on the state folder dir. A file whose
// process is gone counts as none.
func Read(dir string) (*Handle, error) {
	b, err := os.ReadFile(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	var h Handle
	if err := json.Unmarshal(b, &h); err != nil {
		return nil, fmt.Errorf("%s: %w", filepath.Join(dir, name), err)
	}
	if !Running(h.PID) {
		return nil, ErrNone
	}
	return &h, nil
}

// Write publishes h in dir: a whole file or none.
func Write(dir string, h Handle) error {
	b, err := json.MarshalIndent(h, "", "  ")
	if err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, name+".*")
	if err != nil {
		return fmt.Errorf("publish endpoint: %w", err)
	}
	defer func() { _ = os.Remove(f.Name()) }() // nothing to remove after the rename
	_, err = f.Write(append(b, '\n'))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("publish endpoint: %w", err)
	}
	return os.Rename(f.Name(), filepath.Join(dir, name))
}

// Remove takes the file back, when the cloud ends.
func Remove(dir string) error {
	err := os.Remove(filepath.Join(dir, name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
