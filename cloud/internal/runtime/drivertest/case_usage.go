package drivertest

import (
	"fmt"
	"runtime"
	"syscall"
	"time"

	contract "github.com/turnoutdev/turnout/cloud/internal/runtime"
)

// What a container's processes use is measured, children's among it, and each for itself.
func testUsage(r *rig) {
	b := r.box()
	busy := b.run(command("burn", "48")).says("burning")
	idle := b.run()
	first := busy.usage()
	if m := first.Memory >> 20; m < 48 || m > 48+64 {
		r.Errorf("a program that holds 48 MiB uses %d MiB", m)
	}
	began := time.Now()
	r.until(func() error {
		if now := busy.usage(); now.CPU-first.CPU < 300*time.Millisecond {
			return fmt.Errorf("a program that burns used %v in %v", now.CPU-first.CPU, time.Since(began))
		}
		return nil
	})
	now, most := busy.usage(), time.Since(began)*time.Duration(runtime.NumCPU())+100*time.Millisecond
	if used := now.CPU - first.CPU; used > most {
		r.Errorf("it used %v, more than the %v that there were", used, most)
	}
	if u := idle.usage(); u.Memory <= 0 || u.Memory > 32<<20 || u.CPU >= now.CPU {
		r.Errorf("a program that sleeps uses %+v", u)
	}
	if err := busy.Signal(r.context(), syscall.SIGKILL); err != nil {
		r.Fatal(err)
	}
	busy.exit()
	if u, err := busy.Container.(contract.Meter).Usage(r.context()); err == nil {
		r.Errorf("after the exit it uses %+v", u)
	}
}

func (u *unit) usage() contract.Usage {
	u.r.Helper()
	m, ok := u.Container.(contract.Meter)
	if !ok {
		u.r.Fatalf("%T is no runtime.Meter", u.Container)
	}
	got, err := m.Usage(u.r.context())
	if err != nil {
		u.r.Fatal(err)
	}
	return got
}
