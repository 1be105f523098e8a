package tail

import "time"

// Pace is how often is looked for new lines and new tasks.
type Pace struct{ Lines, Tasks time.Duration }

// PaceOf is the pace for AWS, or for a cloud on this machine.
func PaceOf(local bool) Pace {
	if local {
		return Pace{Lines: 100 * time.Millisecond, Tasks: 500 * time.Millisecond}
	}
	return Pace{Lines: 2 * time.Second, Tasks: 5 * time.Second}
}

// Quiet is after how many rounds without a line a task that has stopped has written all
// that it will: CloudWatch Logs shows lines some seconds late.
const Quiet = 4
