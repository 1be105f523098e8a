#!/usr/bin/env bash
# Makes .base/python.tar, a docker archive of Debian with Python, FastAPI and uvicorn, from
# Debian packages alone: for machines that reach Debian but no container registry.
# Needs root and debootstrap. turnout.offline.yml builds on it.
set -euo pipefail
cd "$(dirname "$0")"
[ -s .base/python.tar ] && { echo "examples/fastapi/.base/python.tar stands already"; exit 0; }
[ "$(id -u)" = 0 ] || { echo "base.sh: needs root for debootstrap" >&2; exit 1; }
command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq --no-install-recommends debootstrap; } >/dev/null
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
debootstrap --variant=minbase --include=python3,python3-fastapi,python3-uvicorn bookworm "$work/root" >"$work/log" 2>&1 ||
  { tail -n 20 "$work/log" >&2; exit 1; }
rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/* "$work"/root/usr/share/{doc,man,locale}/*
mkdir -p "$work/image"
tar --sort=name --mtime=@0 --numeric-owner --exclude=./dev/* -C "$work/root" -cf "$work/image/layer.tar" .
case $(uname -m) in x86_64) arch=amd64 ;; aarch64) arch=arm64 ;; *) arch=$(uname -m) ;; esac
diff=$(sha256sum "$work/image/layer.tar" | cut -d' ' -f1)
cat >"$work/image/config.json" <<JSON
{"architecture":"$arch","os":"linux","config":{"Env":["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]},"rootfs":{"type":"layers","diff_ids":["sha256:$diff"]},"history":[{"created_by":"base.sh"}]}
JSON
echo '[{"Config":"config.json","RepoTags":["turnout/python-base:latest"],"Layers":["layer.tar"]}]' >"$work/image/manifest.json"
mkdir -p .base
tar -C "$work/image" -cf .base/python.tar.new config.json layer.tar manifest.json
mv .base/python.tar.new .base/python.tar
echo "made examples/fastapi/.base/python.tar"
