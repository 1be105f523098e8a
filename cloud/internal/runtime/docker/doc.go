// Package docker runs containers on a Docker engine. It is the only package that knows
// moby.
//
// A sandbox is a pause container, a program of a few instructions that only sleeps, whose
// network the sandbox's other containers join; so each of them starts and stops by itself.
// The pause image is made here, byte by byte, for the engine's architecture, and loaded
// once: no registry is asked, and it stays on the engine (300 bytes) for the next time.
//
// Where the engine's bridge can be reached, which is on Linux with an engine of the same
// machine, containers are dialled by their own address. Elsewhere (Docker Desktop,
// rootless engines, engines over TCP of this machine) the pause container publishes
// SandboxSpec.Ports on 127.0.0.1 and only these can be dialled. Addr is the container's
// own address in both cases.
//
// Containers write through the attached stream to their log file; the engine keeps no log.
// They carry labels with the state folder and the process they belong to. A child of the
// cloud's process, the reaper, waits on a pipe from it and removes what carries its labels
// when the process has died; Sweep does the same for earlier processes. The reaper needs
// MaybeReaper at the top of main; without it only Sweep cleans up.
//
// Images that came from a registry on this machine, which has them anyway, are taken off
// the engine by Close unless they were there before.
//
// Limits: SandboxSpec.Services need root and a Linux engine of the same machine and PID
// namespace; a program that Exec gave up on keeps running elsewhere, since engines cannot
// kill it; images of the machine are used without their registry only while that cannot
// be reached; engines over ssh:// are refused.
package docker
