package cli

import (
	"context"
	"net/url"
	"os"
	"strings"

	"github.com/turnoutdev/turnout/internal/localcloud"
)

// idTokenVars are the variables by which a workflow's job asks for identity tokens
// (`id-token: write`), pointed at the local cloud's issuer. Its tokens are about the
// repository and ref that the job, or the work tree, is of.
func idTokenVars(ctx context.Context, h *localcloud.Handle) [][2]string {
	if h.IDTokenURL == "" {
		return nil
	}
	at := h.IDTokenURL
	for _, c := range jobClaims(ctx) {
		if c[1] != "" {
			at += "&" + c[0] + "=" + url.QueryEscape(c[1])
		}
	}
	return [][2]string{{"ACTIONS_ID_TOKEN_REQUEST_URL", at}, {"ACTIONS_ID_TOKEN_REQUEST_TOKEN", h.IDToken}}
}

// jobClaims are what the runner's variables say of a job; without a runner, what git says
// of the work tree.
func jobClaims(ctx context.Context) [][2]string {
	repository, ref := os.Getenv("GITHUB_REPOSITORY"), os.Getenv("GITHUB_REF")
	if repository == "" {
		remote, _ := git(ctx, ".", "remote", "get-url", "origin") // none is none
		repository = repositoryOf(remote)
	}
	if ref == "" {
		ref, _ = git(ctx, ".", "symbolic-ref", "--quiet", "HEAD") // not on a branch: the issuer's own
	}
	return [][2]string{{"repository", repository}, {"ref", ref}, {"event_name", os.Getenv("GITHUB_EVENT_NAME")}, {"sha", os.Getenv("GITHUB_SHA")}}
}

// repositoryOf is OWNER/NAME of a remote's URL at GitHub or elsewhere, "" if it has none.
func repositoryOf(remote string) string {
	path := strings.TrimSuffix(strings.TrimSuffix(remote, "/"), ".git")
	if _, rest, ok := strings.Cut(path, "://"); ok {
		_, path, _ = strings.Cut(rest, "/") // the host
	} else if host, rest, ok := strings.Cut(path, ":"); ok && !strings.Contains(host, "/") {
		path = rest // git@github.com:owner/name
	} else {
		return "" // a folder
	}
	if parts := strings.Split(path, "/"); len(parts) == 2 && parts[0] != "" && parts[1] != "" {
		return path
	}
	return ""
}
