package docker

import (
	"errors"
	"testing"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

func TestPullErrors(t *testing.T) {
	for text, missing := range map[string]bool{
		"Error response from daemon: manifest for 127.0.0.1:4566/web:2 not found: manifest unknown: Requested image not found": true,
		"Error response from daemon: pull access denied for web, repository does not exist or may require 'docker login'":      true,
		"name unknown: The repository with name 'web' does not exist in the registry with id '123456789012'":                   true,
		"no matching manifest for linux/arm64 in the manifest list entries":                                                    true,
		"Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused":                                    false,
		"unauthorized: authentication required":                                                                                false,
	} {
		err := pullError("web:2", errors.New(text))
		if got := errors.Is(err, runtime.ErrNoImage); got != missing {
			t.Errorf("%v: ErrNoImage is %v", err, got)
		}
	}
}

func TestUnreachable(t *testing.T) {
	for text, want := range map[string]bool{
		"Get \"http://127.0.0.1:1/v2/\": dial tcp 127.0.0.1:1: connect: connection refused": true,
		"dial tcp: lookup registry.example on 127.0.0.11:53: no such host":                  true,
		"net/http: request canceled (Client.Timeout exceeded while awaiting headers)":       true,
		"manifest unknown":      false,
		"unauthorized: sign in": false,
	} {
		if got := unreachable(errors.New(text)); got != want {
			t.Errorf("%s: %v", text, got)
		}
	}
}

func TestStartErrorsAreOneLineInTheEnginesWords(t *testing.T) {
	err := startError(errors.New("Error response from daemon: OCI runtime create failed:\n exec: \"nope\": executable file not found in $PATH: unknown"))
	var start *runtime.StartError
	if !errors.As(err, &start) || start.Reason != `OCI runtime create failed: exec: "nope": executable file not found in $PATH: unknown` {
		t.Errorf("%v", err)
	}
}

func TestCreateErrors(t *testing.T) {
	spec := runtime.ContainerSpec{Name: "app"}
	err := createError(spec, errors.New("Error response from daemon: No command specified"))
	if !errors.As(err, new(*runtime.StartError)) {
		t.Errorf("no command: %v", err)
	}
	err = createError(spec, errors.New("Error response from daemon: invalid mount"))
	if errors.As(err, new(*runtime.StartError)) || err.Error() != "create container app: invalid mount" {
		t.Errorf("invalid mount: %v", err)
	}
}
