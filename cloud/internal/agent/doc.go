// Package agent runs tasks on a runtime.Driver in the order and with the texts of ECS's
// own agent: images are pulled, containers start as dependsOn allows, health checks run,
// an essential container's exit stops the task, and stopping goes through SIGTERM,
// stopTimeout and SIGKILL in reverse order.
//
// One goroutine owns one task. What shall be (the order to stop) is the task's context,
// whose first cause stays; what is known is published as whole immutable States. Work
// that blocks is done aside by goroutines that hand their outcome back to the owner.
//
// Health check intervals, start periods and restart periods are the cloud's own waits and
// follow the clock's scale. Time-outs of what is real do not: a health command's timeout,
// startTimeout and stopTimeout.
//
// Limits: containers of a task share one network namespace in every network mode, so
// links and bridge mode name 127.0.0.1; pidMode, ipcMode, devices, GPUs, App Mesh
// proxies, FireLens, DNS settings, swap and tmpfs mount options have no effect; an EFS
// volume is a folder of the state folder; FSx and S3 Files volumes are refused; a log
// file grows as long as its task lives.
package agent
