//go:build linux

package native

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"golang.org/x/sys/unix"

	"github.com/turnoutdev/turnout/cloud/internal/runtime"
	"github.com/turnoutdev/turnout/cloud/internal/runtime/native/inside"
)

func TestFindAccount(t *testing.T) {
	passwd := table("root:x:0:0:root:/root:/bin/sh\napp:x:1000:1001::/home/app:\n7:x:42:42::/seven:\nbad:x:many:0::/:\nshort:x:5")
	group := table("root:x:0:\napp:x:1001:\nstaff:x:2000:app,root\nwheel:x:10:root\nodd:x:-1:app\nshort:x:3")
	for _, c := range []struct {
		user string
		want account
		err  string
	}{
		{"", account{inside.User{Groups: []int{2000, 10}}, "/root"}, ""},
		{"root:", account{inside.User{Groups: []int{2000, 10}}, "/root"}, ""},
		{"app", account{inside.User{UID: 1000, GID: 1001, Groups: []int{2000}}, "/home/app"}, ""},
		{"1000", account{inside.User{UID: 1000, GID: 1001, Groups: []int{2000}}, "/home/app"}, ""},
		{"app:wheel", account{inside.User{UID: 1000, GID: 10}, "/home/app"}, ""},
		{"app:99", account{inside.User{UID: 1000, GID: 99}, "/home/app"}, ""},
		{"7", account{inside.User{UID: 42, GID: 42}, "/seven"}, ""}, // a name before a number
		{"4242", account{inside.User{UID: 4242}, "/"}, ""},
		{"4242:4243", account{inside.User{UID: 4242, GID: 4243}, "/"}, ""},
		{":10", account{inside.User{GID: 10}, "/root"}, ""},
		{"nobody", account{}, "unable to find user nobody: no matching entries in passwd file"},
		{"-1", account{}, "unable to find user -1"},
		{"4294967295", account{}, "unable to find user 4294967295"},
		{"bad", account{}, "user bad: the image's passwd file has no valid numbers"},
		{"short", account{}, "user short: the image's passwd file has no valid numbers"},
		{"app:none", account{}, "unable to find group none: no matching entries in group file"},
		{"app:odd", account{}, "unable to find group odd"},
	} {
		got, err := findAccount(c.user, passwd, group)
		if c.err != "" {
			var refused *runtime.StartError
			if !errors.As(err, &refused) || !strings.HasPrefix(refused.Reason, c.err) {
				t.Errorf("%q: %v, want %q", c.user, err, c.err)
			}
			continue
		}
		if d := cmp.Diff(c.want, got, cmp.AllowUnexported(account{})); d != "" || err != nil {
			t.Errorf("%q: %v (-want +got):\n%s", c.user, err, d)
		}
	}
}

// Whatever an image's files say, a user is a valid one or refused.
func FuzzFindAccount(f *testing.F) {
	f.Add("app:staff", "app:x:1:2::/home:", "staff:x:3:app")
	f.Add(":", "::", ":::")
	f.Add("-1:x", "a:x:99999999999:0", "x:x:-5:a,b")
	f.Fuzz(func(t *testing.T, user, passwd, group string) {
		a, err := findAccount(user, table(passwd), table(group))
		var refused *runtime.StartError
		switch {
		case err != nil && !errors.As(err, &refused):
			t.Errorf("%v is no StartError", err)
		case err == nil && (a.UID < 0 || a.GID < 0 || a.home == ""):
			t.Errorf("%+v", a)
		}
	})
}

func TestCommand(t *testing.T) {
	image := v1.Config{Entrypoint: []string{"/entry"}, Cmd: []string{"image"}}
	for _, c := range []struct {
		entrypoint, cmd []string
		image           v1.Config
		want            string
	}{
		{nil, nil, image, "/entry image"},
		{nil, []string{"own"}, image, "/entry own"},
		{[]string{"/own"}, nil, image, "/own"},
		{[]string{"/own"}, []string{"cmd"}, image, "/own cmd"},
		{nil, nil, v1.Config{Cmd: []string{"only", "cmd"}}, "only cmd"},
		{nil, nil, v1.Config{}, ""},
	} {
		if got := strings.Join(command(runtime.ContainerSpec{Entrypoint: c.entrypoint, Cmd: c.cmd}, c.image), " "); got != c.want {
			t.Errorf("%q and %q give %q, want %q", c.entrypoint, c.cmd, got, c.want)
		}
	}
}

func TestEnvironment(t *testing.T) {
	got := environment("h", "/home/app", []string{"A=image", "PATH=/image", "B=image"}, []string{"B=own=1", "C", "A="})
	want := []string{"PATH=/image", "HOSTNAME=h", "A=", "B=own=1", "C", "HOME=/home/app"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := environment("h", "/", nil, []string{"HOME=/own"}); got[2] != "HOME=/own" || len(got) != 3 {
		t.Errorf("with an own HOME: %q", got)
	}
}

func TestCapabilities(t *testing.T) {
	admin := capSet([]string{"NET_ADMIN"})
	for _, c := range []struct {
		spec runtime.ContainerSpec
		want uint64
	}{
		{runtime.ContainerSpec{}, 0xa80425fb}, // as Docker shows it
		{runtime.ContainerSpec{CapAdd: []string{"NET_ADMIN"}}, 0xa80425fb | admin},
		{runtime.ContainerSpec{CapAdd: []string{"cap_net_admin"}, CapDrop: []string{"ALL"}}, admin},
		{runtime.ContainerSpec{CapDrop: []string{"all"}}, 0},
		{runtime.ContainerSpec{CapAdd: []string{"ALL"}}, allCaps},
		{runtime.ContainerSpec{CapAdd: []string{"ALL"}, CapDrop: []string{"NET_ADMIN"}}, allCaps &^ admin},
		{runtime.ContainerSpec{CapAdd: []string{"ALL"}, CapDrop: []string{"ALL"}}, allCaps},
		{runtime.ContainerSpec{Privileged: true, CapDrop: []string{"ALL"}}, allCaps},
	} {
		if got, err := capabilities(c.spec, allCaps); got != c.want || err != nil {
			t.Errorf("+%v -%v: %x, %v, want %x", c.spec.CapAdd, c.spec.CapDrop, got, err, c.want)
		}
	}
	if got, _ := capabilities(runtime.ContainerSpec{Privileged: true}, 1); got != 1 {
		t.Errorf("more than what is available: %x", got)
	}
	for _, spec := range []runtime.ContainerSpec{{CapAdd: []string{"FLY"}}, {CapDrop: []string{""}}} {
		if _, err := capabilities(spec, allCaps); err == nil {
			t.Errorf("+%v -%v gives no error", spec.CapAdd, spec.CapDrop)
		}
	}
	if len(capNames) != unix.CAP_LAST_CAP+1 {
		t.Errorf("%d names for %d capabilities", len(capNames), unix.CAP_LAST_CAP+1)
	}
}

func TestLimits(t *testing.T) {
	got, err := limits([]runtime.Ulimit{{Name: "nofile", Soft: 1, Hard: 2}, {Name: "CORE", Soft: 0, Hard: -1}})
	want := []inside.Limit{{Resource: unix.RLIMIT_NOFILE, Soft: 1, Hard: 2}, {Resource: unix.RLIMIT_CORE, Soft: 0, Hard: math.MaxUint64}}
	if d := cmp.Diff(want, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	if _, err := limits([]runtime.Ulimit{{Name: "patience"}}); err == nil {
		t.Error("an unknown limit gives no error")
	}
}

func TestNamespacedSysctls(t *testing.T) {
	for name, want := range map[string]bool{
		"net.core.somaxconn": true, "kernel.shmmax": true, "kernel.sem": true, "fs.mqueue.msg_max": true,
		"kernel.panic": false, "vm.swappiness": false, "net.../kernel/panic": false, "net./../../x": false, "": false,
	} {
		if got := namespaced(name); got != want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestAddresses(t *testing.T) {
	d := mustNew(t, Options{Dir: t.TempDir(), Addresses: netPrefix("10.1.2.0/29")})
	var got []string
	for _, id := range []string{"a", "b", "c", "d"} {
		s, err := d.admit(runtime.SandboxSpec{ID: id, Services: servicesAt("10.1.2.4:80")})
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, s.addr.String())
		if id == "a" {
			d.forget(s) // its address is not given out again at once
		}
	}
	if d := cmp.Diff([]string{"10.1.2.2", "10.1.2.3", "10.1.2.5", "10.1.2.6"}, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if s, err := d.admit(runtime.SandboxSpec{ID: "e"}); err != nil || s.addr.String() != "10.1.2.2" {
		t.Errorf("the one given back: %v", err)
	}
	if _, err := d.admit(runtime.SandboxSpec{ID: "f", Services: servicesAt("10.1.2.4:80")}); err == nil || !strings.Contains(err.Error(), "no address of 10.1.2.0/29 is free") {
		t.Errorf("when all are given out: %v", err)
	}
	if _, err := d.admit(runtime.SandboxSpec{ID: "b"}); err == nil {
		t.Error("an id is given twice")
	}
}

func TestOptions(t *testing.T) {
	for _, o := range []Options{{}, {Dir: "x", Addresses: netPrefix("fd00::/64")}, {Dir: "x", Addresses: netPrefix("10.0.0.0/31")}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v gives no error", o)
		}
	}
	for _, id := range []string{"", "A", "a/b", ".."} {
		if _, err := mustNew(t, Options{Dir: t.TempDir()}).Create(t.Context(), runtime.SandboxSpec{ID: id}); err == nil {
			t.Errorf("id %q gives no error", id)
		}
	}
	_, err := mustNew(t, Options{Dir: t.TempDir()}).Create(t.Context(), runtime.SandboxSpec{ID: "a", Services: servicesAt("[fd00::1]:80")})
	if !errors.Is(err, runtime.ErrNoServices) {
		t.Errorf("an IPv6 service: %v", err)
	}
}
