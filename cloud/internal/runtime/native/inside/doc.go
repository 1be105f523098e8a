// Package inside is the half of the native driver that runs within namespaces: the same
// program again, started under the name "turnout-sandbox". Importing it is enough; its
// init function takes over such a process before main, and before the init functions of
// anything large, so that a process costs about a millisecond. It does nothing in any
// other process. To be early it imports little: packages are
// initialized in the order of their names once what they import is, so nothing here
// imports net or anything that comes late.
//
// Three kinds of process exist, told by the first argument:
//
//   - holder: one per sandbox, process 1 of a PID namespace and owner of the network and
//     UTS namespace (in rootless mode of a user namespace too). Whatever it starts dies
//     with it, and it dies with the cloud. It reads requests from a SEQPACKET socket at
//     descriptor 3 until that ends. It makes sockets in its network and passes them out
//     unconnected: who gets one connects it or listens on it, so no connection's
//     life depends on the holder. It starts containers and programs inside them.
//   - container: sets up one container's mounts and credentials, described by a Plan, and
//     becomes its program by execve, as process 1. If an init is asked for, it stays
//     process 1 itself, starts the program, passes signals on and reaps.
//   - trial: does once what the others need, to tell whether this machine allows it.
//
// A user namespace made without privileges maps one user only. A container whose user is
// not root gets a second holder then, in a user namespace of its own that maps this user.
package inside
