// Package image builds container images, tags them with the commit and pushes them.
//
// Docker, Podman or Buildah build where they are present and answer; else the builtin
// builder does, which needs no daemon: BuildKit's own Dockerfile parser, layers made of
// plain files, RUN in Linux namespaces. It is reproducible (the same input gives the same
// digest) and refuses loudly what it cannot do.
//
// The builtin builder keeps layers below the user's cache folder: what RUN made of exact
// inputs, layers of base images, and what was compressed once. Files in layers have the
// time of SOURCE_DATE_EPOCH, or of 1970, not the commit's: a layer whose files did not
// change keeps its digest from one commit to the next and is not pushed again. Only the
// image's configuration tells when it was made.
//
// Its limits: no ONBUILD, no ADD of URLs and of archives other than tar, gzip and bzip2,
// octal modes for --chmod only, cache and tmpfs mounts for RUN only; RUN sees the host's
// network; hard links become copies.
//
// Credentials live in memory only: never in argv, never on disk. Plain HTTP is spoken to
// loopback addresses only.
package image
