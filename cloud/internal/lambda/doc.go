// Package lambda is Lambda as deployments need it: functions that are programs of their
// own, a zip with a bootstrap (provided.al2023, provided.al2) or an image, with versions,
// aliases and permissions, invoked and waited for or not, as CodeDeploy does with its hooks.
//
// A function runs in a sandbox of the cloud's runtime driver, one environment for one
// invocation at a time, which stays for the next. It talks to the runtime API
// (2018-06-01) at an address of its sandbox's own, as it does on AWS, and finds the cloud
// by AWS_ENDPOINT_URL with keys of its role. A change of the function, five idle minutes,
// a timeout, its exit and the end of the cloud end it. Zips reach the driver as images,
// from a registry on loopback that only the driver reads.
//
// Where it knowingly differs from AWS:
//   - The file system of a zip's function is /var/task with the zip's files, /tmp, and
//     nothing else: no shell, no libraries. Programs are linked statically, as Go's are
//     with CGO_ENABLED=0.
//   - Managed runtimes, layers, extensions, SnapStart, file systems and durable executions
//     are refused. /tmp holds no programs. Zips run on this machine's architecture.
//   - Creation and updates are over when their calls have answered Pending and InProgress.
//   - Environments are not frozen between invocations; timeouts are in real time.
//   - Invocations that nobody waits for are tried three times as on AWS, but forgotten when
//     the cloud ends. Destinations and dead letter queues are absent.
//   - Resource policies are records. GetFunction hands no code out.
//   - Where the driver cannot offer services inside a sandbox, functions cannot run.
package lambda
