package cloud

import (
	"github.com/turnoutdev/turnout/cloud/internal/runtime/docker"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/native"
)

// Init takes over the process when it was started by a cloud as a sandbox, a container or
// a reaper. Programs that start a cloud call it first in main, tests in TestMain.
func Init() {
	native.MaybeInit()
	docker.MaybeReaper()
}
