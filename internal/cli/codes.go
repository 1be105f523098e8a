package cli

import "github.com/turnoutdev/turnout/internal/fault"

// exitCodes are what docs/exit-codes.md says, for manual pages.
var exitCodes = []struct {
	code  int
	means string
}{
	{0, "done"},
	{fault.Failed, "failed, for a reason that has no code of its own; diff --exit-code: there are differences"},
	{fault.Usage, "bad options or bad input; nothing was changed"},
	{fault.Deployment, "the deployment failed and was not rolled back"},
	{fault.RolledBack, "the deployment failed and the rollback completed"},
	{fault.Stopped, "the deployment was stopped"},
	{fault.TimedOut, "the deadline passed; the deployment goes on"},
	{fault.Dropped, "a rehearsal lost requests, or a step ended otherwise than it should"},
	{fault.Interrupted, "interrupted by Ctrl-C"},
}
