package cloud

import "github.com/turnoutdev/turnout/cloud/internal/runtime/docker"

// Init takes over the process when it was started by a cloud to clean up after it, should
// it be killed. Programs that start a cloud call it first in main, tests in TestMain;
// without it, what a killed cloud left in Docker is removed by the next start.
func Init() { docker.MaybeReaper() }
