package drivertest

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// Factory says how to make a driver and what it can do.
type Factory struct {
	// New makes a driver whose state lies in dir. It is called in the test's process and,
	// for the test of Sweep, in a child that is killed.
	New func(dir string) (runtime.Driver, error)
	// Lacks names cases of the suite that this driver cannot pass by its nature, as its
	// documentation says, each with the reason; they are left out. What only this machine
	// lacks is for testkit.NeedOrSkip, before Run.
	Lacks map[string]string
	// Many is how many sandboxes are made at once; 0 for 50.
	Many int
	// Leftovers lists what is still there of the sandboxes with these ids: processes,
	// mounts, containers, folders below dir. May be nil.
	Leftovers func(dir string, ids []string) []string
}

// aCase is one case of the suite.
type aCase struct {
	name string
	test func(*rig)
}

// cases are in the order in which they run. They share a driver, and what it pulled,
// until those that end one.
var cases = []aCase{
	{"Pull", testPull},
	{"PullMissing", testPullMissing},
	{"ExitCodes", testExitCodes},
	{"Signals", testSignals},
	{"SignalByKernel", testSignalByKernel},
	{"EntrypointAndCmd", testEntrypoint},
	{"Environment", testEnvironment},
	{"Users", testUsers},
	{"SupplementaryGroups", testGroups},
	{"WorkingDir", testWorkingDir},
	{"StartErrors", testStartErrors},
	{"Logs", testLogs},
	{"LogsReopened", testLogsReopened},
	{"TwoOnOnePort", testTwoOnOnePort},
	{"DialRefused", testDialRefused},
	{"Localhost", testLocalhost},
	{"Services", testServices},
	{"Exec", testExec},
	{"ExecCancelled", testExecCancelled},
	{"ExecTerminal", testExecTerminal},
	{"Mounts", testMounts},
	{"Tmpfs", testTmpfs},
	{"ReadonlyRoot", testReadonlyRoot},
	{"LayersAreNotWritten", testLayersAreNotWritten},
	{"HostFiles", testHostFiles},
	{"Capabilities", testCapabilities},
	{"Ulimits", testUlimits},
	{"Sysctls", testSysctls},
	{"InitReaps", testInitReaps},
	{"Memory", testMemory},
	{"Usage", testUsage},
	{"Many", testMany},
	{"CloseLeavesNothing", testClose},
	{"DriverClose", testDriverClose},
	{"SweepAfterKill", testSweep},
}

// Run runs the suite on the driver that f makes.
func Run(t *testing.T, f Factory) {
	for name := range f.Lacks {
		if !slices.ContainsFunc(cases, func(c aCase) bool { return c.name == name }) {
			t.Errorf("Factory.Lacks names %q, which is no case of the suite", name)
		}
	}
	shared := newRig(t, f, newRegistry(t))
	for _, c := range cases {
		if reason := f.Lacks[c.name]; reason != "" {
			t.Logf("without %s: %s", c.name, reason)
			continue
		}
		t.Run(c.name, func(t *testing.T) { c.test(shared.in(t)) })
	}
}

// Main is the TestMain of a package that calls Run: it lets the test binary be the child
// that a test kills. after, if any, look for leaks when all tests passed.
func Main(m *testing.M, f Factory, after ...func() error) {
	if os.Getenv(childEnv) != "" {
		beChild(f)
	}
	code := m.Run()
	if builtIn != "" {
		_ = os.RemoveAll(builtIn) // a folder below the system's temporary one
	}
	for _, check := range after {
		if err := check(); err != nil && code == 0 {
			os.Stderr.WriteString(err.Error() + "\n")
			code = 1
		}
	}
	os.Exit(code)
}

// limit bounds every single thing that a test waits for.
const limit = 30 * time.Second

func (r *rig) context() context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	r.Cleanup(cancel)
	return ctx
}
