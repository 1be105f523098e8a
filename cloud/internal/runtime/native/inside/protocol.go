package inside

// Name is argv[0] of the processes that this package takes over.
const Name = "turnout-sandbox"

// Kinds of process: argv[1].
const (
	KindHolder    = "holder"
	KindContainer = "container"
	KindTrial     = "trial"
)

// Op is what a Request asks of a holder.
type Op string

// Operations; the files that travel with each are in the order given. Every one has one
// Reply, and Run a second one when the container has exited.
const (
	OpNetwork Op = "network" // give the namespaces a host name and addresses
	OpSockets Op = "sockets" // reply carries Count TCP sockets of the sandbox's network
	OpHolder  Op = "holder"  // start a holder for another user; its socket
	OpRun     Op = "run"     // start a container; Plan, log, cgroup.procs files
	OpExec    Op = "exec"    // run a program in container Target; Plan, stdin, stdout, stderr
	OpSignal  Op = "signal"  // send Signal to the container or program Target
	OpUsage   Op = "usage"   // reply tells what the processes of container Target use
)

// Request is one packet to a holder.
type Request struct {
	ID       uint64
	Op       Op
	Hostname string    `json:",omitempty"`
	Addr     [4]byte   // the sandbox's own, IPv4
	Extra    [][4]byte `json:",omitempty"` // further addresses, for services
	Proc     bool      `json:",omitempty"` // with OpNetwork: mount /proc, the mounts are the holder's own
	Count    int       `json:",omitempty"`
	TTY      bool      `json:",omitempty"` // with OpExec: stdin is the program's terminal
	Target   uint64    `json:",omitempty"` // ID of an earlier run or exec
	Signal   int       `json:",omitempty"`
	User     *User     `json:",omitempty"`
}

// Reply is one packet from a holder.
type Reply struct {
	ID      uint64
	Err     string `json:",omitempty"`
	Refused bool   `json:",omitempty"` // Err is about the program, not the machine
	Exited  bool   `json:",omitempty"`
	Code    int    `json:",omitempty"` // of an exit, 128+signal if killed; of a refusal as of a shell
	CPU     int64  `json:",omitempty"` // nanoseconds
	Memory  int64  `json:",omitempty"` // bytes
	files   []int  // to pass along
}

// User is who a program runs as.
type User struct {
	UID, GID int
	Groups   []int `json:",omitempty"`
	OneGroup bool  // Groups cannot be set: a user namespace without privileges forbids it
}

// Plan is a container or a program in one, complete: nothing is looked up any more.
type Plan struct {
	Argv, Env []string
	Dir       string
	User      User
	Caps      uint64 // bit set; also the bounding set
	Limits    []Limit
	MayGain   bool  // programs with set-user-ID bits and file capabilities work
	Root      *Root `json:",omitempty"` // nil for exec
}

// Limit is a resource limit, by the kernel's number.
type Limit struct {
	Resource   int
	Soft, Hard uint64
}

// Root is a container's file system and what stands in it.
type Root struct {
	Dir      string   // state folder of the driver
	Lower    []string // layers below Dir/layers, uppermost first
	Box      string   // the container's own folder, relative to Dir/layers
	Binds    []Bind   // in order
	Tmpfs    []Tmpfs
	Make     []string // folders to make
	Keep     []string // folders that stay writable below a read-only root
	ReadOnly bool
	Open     bool // nothing in /proc and /sys is hidden or read-only
	Init     bool
	Shm      int64             // bytes of /dev/shm
	Sysctls  map[string]string // names with dots
	Cgroups  int               // how many cgroup.procs files came along
}

// Bind makes a file or folder of the host visible.
type Bind struct {
	Source, Target string
	ReadOnly       bool
}

// Tmpfs is a file system in memory.
type Tmpfs struct {
	Target string
	Size   int64
}
