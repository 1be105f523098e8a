// Package native runs containers in Linux namespaces, with system calls alone: no other
// program, no daemon, and nothing of the machine's own network is touched. It works as
// root, and without privileges where the system allows user namespaces ("rootless").
//
// # How
//
// Every sandbox has one helper process, a holder (package inside), which owns the network
// namespace and is process 1 of a PID namespace: when it ends, for whatever reason, the
// kernel ends everything in the sandbox. It ends with the cloud, by a parent-death signal
// and by its socket. Containers are its children, with mount, PID and IPC namespaces of
// their own. Mounts exist only there: nothing is ever visible on the machine, and nothing
// is left if the cloud is killed but a folder and empty cgroups, which Sweep removes.
//
// Connections into a sandbox (Dial) and services for it (SandboxSpec.Services) are
// sockets made inside its network and handed out: no bridge, no veth pair, no route. The
// sandbox's address stands on an interface eth0 inside.
//
// A container's first process is process 1 of its namespace, as in Docker without
// --init: signals that it does not handle are not delivered, but for SIGKILL.
//
// # Limits
//
//   - Linux 5.12 or later, with overlayfs.
//   - Containers reach each other's loopback within a sandbox, their own address and the
//     sandbox's Services; everything else is "network is unreachable" at once, other
//     sandboxes, DNS and the internet among it. IPv6 is loopback only.
//   - Programs gain no privileges by set-user-ID bits or file capabilities (no_new_privs),
//     unless the container is privileged. There is no seccomp filter and no AppArmor profile.
//   - Memory limits and CPU weights need root and a writable cgroup hierarchy, version 2
//     or 1; otherwise they are not enforced, which is logged once.
//   - Usage counts a container's first process and its descendants, not programs that were
//     started inside later, and memory that processes share once for each. On a kernel
//     without CONFIG_PROC_CHILDREN it is the first process's alone.
//   - Privileged containers have all capabilities of the machine's namespace that the
//     cloud itself has, but no more devices.
//   - Rootless, files in images all belong to the container's user, device files in them
//     are left out, and a container has one user and one group: programs that switch
//     users fail, and supplementary groups are not set.
//   - Image volumes start as what the image has there, and live as long as the container.
package native
