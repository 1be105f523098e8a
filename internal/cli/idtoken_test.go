package cli

import (
	"testing"

	"github.com/turnoutdev/turnout/internal/localcloud"
)

func TestIDTokenVars(t *testing.T) {
	for name, value := range map[string]string{"GITHUB_REPOSITORY": "o/r", "GITHUB_REF": "refs/pull/1/merge", "GITHUB_EVENT_NAME": "pull_request", "GITHUB_SHA": ""} {
		t.Setenv(name, value)
	}
	got := idTokenVars(t.Context(), &localcloud.Handle{IDTokenURL: "http://127.0.0.1:1/token?api-version=2.0", IDToken: "s"})
	want := "http://127.0.0.1:1/token?api-version=2.0&repository=o%2Fr&ref=refs%2Fpull%2F1%2Fmerge&event_name=pull_request"
	if len(got) != 2 || got[0] != [2]string{"ACTIONS_ID_TOKEN_REQUEST_URL", want} || got[1] != [2]string{"ACTIONS_ID_TOKEN_REQUEST_TOKEN", "s"} {
		t.Errorf("%v", got)
	}
	if got := idTokenVars(t.Context(), &localcloud.Handle{}); got != nil {
		t.Errorf("of a cloud without an issuer: %v", got)
	}
}

func TestRepositoryOf(t *testing.T) {
	for remote, want := range map[string]string{
		"https://github.com/o/r.git": "o/r", "git@github.com:o/r.git": "o/r", "ssh://git@github.com/o/r": "o/r", "https://gitlab.com/a/b/c": "",
		"/srv/git/r.git": "", "../r": "", "": "",
	} {
		if got := repositoryOf(remote); got != want {
			t.Errorf("%s: %q, want %q", remote, got, want)
		}
	}
}
