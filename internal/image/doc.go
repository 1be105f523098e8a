// Package image builds container images, tags them with the commit and pushes them.
//
// Docker, Podman or Buildah build where they are present and answer; else the builtin
// builder does, which needs no daemon: BuildKit's own Dockerfile parser, layers made of
// plain files, RUN in Linux namespaces. It keeps no cache between builds, is reproducible
// (the same input gives the same digest), and refuses loudly what it cannot do.
//
// Credentials live in memory only: never in argv, never on disk.
package image
