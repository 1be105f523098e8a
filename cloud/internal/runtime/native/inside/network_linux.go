package inside

import (
	"fmt"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// setNetwork gives the holder's namespaces a host name and addresses. Where the kernel
// has dummy interfaces there is an eth0 with the sandbox's own address, as programs look
// for one that is not loopback; otherwise the address stands on lo.
func setNetwork(req Request) error {
	if err := unix.Sethostname([]byte(req.Hostname)); err != nil {
		return fmt.Errorf("set host name: %w", err)
	}
	if req.Proc {
		if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
			return fmt.Errorf("mount /proc: %w", err)
		}
	}
	const lo = 1 // in every network namespace
	nl, err := openNetlink()
	if err != nil {
		return err
	}
	defer unix.Close(nl.fd)
	if err := nl.up(lo); err != nil {
		return fmt.Errorf("bring lo up: %w", err)
	}
	index := lo
	if nl.addDummy("eth0") == nil {
		if index, err = linkIndex("eth0"); err != nil {
			return err
		}
		if err := nl.up(index); err != nil {
			return fmt.Errorf("bring eth0 up: %w", err)
		}
	}
	if err := nl.addAddress(index, req.Addr); err != nil {
		return fmt.Errorf("add address %v: %w", req.Addr, err)
	}
	for _, a := range req.Extra {
		if err := nl.addAddress(lo, a); err != nil {
			return fmt.Errorf("add address %v: %w", a, err)
		}
	}
	// Programs listen on ports below 1024 without being root, as in Docker. A machine that
	// has /proc/sys read-only keeps its own limit.
	_ = os.WriteFile("/proc/sys/net/ipv4/ip_unprivileged_port_start", []byte("0"), 0)
	return nil
}

// makeSockets makes TCP sockets in the holder's network.
func makeSockets(count int) ([]int, error) {
	var fds []int
	for range min(count, MaxFiles) {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
		if err != nil {
			return fds, fmt.Errorf("make socket: %w", err)
		}
		fds = append(fds, fd)
	}
	return fds, nil
}

func linkIndex(name string) (int, error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	req, err := unix.NewIfreq(name)
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFINDEX, req)
	}
	if err != nil {
		return 0, fmt.Errorf("find %s: %w", name, err)
	}
	return int(req.Uint32()), nil
}

// netlink is a socket to the kernel's routing tables.
type netlink struct {
	fd  int
	seq uint32
}

func openNetlink() (*netlink, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	return &netlink{fd: fd}, nil
}

func (nl *netlink) up(index int) error {
	m := unix.IfInfomsg{Family: unix.AF_UNSPEC, Index: int32(index), Flags: unix.IFF_UP, Change: unix.IFF_UP}
	return nl.do(unix.RTM_NEWLINK, 0, bytesOf(&m))
}

func (nl *netlink) addDummy(name string) error {
	kind := attribute(unix.IFLA_INFO_KIND, []byte("dummy"))
	return nl.do(unix.RTM_NEWLINK, unix.NLM_F_CREATE|unix.NLM_F_EXCL,
		bytesOf(&unix.IfInfomsg{Family: unix.AF_UNSPEC}),
		attribute(unix.IFLA_IFNAME, []byte(name+"\x00")),
		attribute(unix.IFLA_LINKINFO, kind))
}

// addAddress adds one address without a network around it: what is not in the sandbox
// is unreachable at once, not after a time-out.
func (nl *netlink) addAddress(index int, addr [4]byte) error {
	m := unix.IfAddrmsg{Family: unix.AF_INET, Prefixlen: 32, Index: uint32(index)}
	return nl.do(unix.RTM_NEWADDR, unix.NLM_F_CREATE|unix.NLM_F_EXCL, bytesOf(&m),
		attribute(unix.IFA_LOCAL, addr[:]), attribute(unix.IFA_ADDRESS, addr[:]))
}

// do sends one message and waits for the kernel's acknowledgement.
func (nl *netlink) do(kind, flags uint16, parts ...[]byte) error {
	nl.seq++
	header := unix.NlMsghdr{Type: kind, Flags: unix.NLM_F_REQUEST | unix.NLM_F_ACK | flags, Seq: nl.seq, Len: unix.NLMSG_HDRLEN}
	for _, p := range parts {
		header.Len += uint32(len(p))
	}
	message := bytesOf(&header)
	for _, p := range parts {
		message = append(message, p...)
	}
	if err := unix.Sendto(nl.fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(nl.fd, answer, 0)
	if err != nil {
		return err
	}
	if n < unix.NLMSG_HDRLEN+4 {
		return unix.EPROTO
	}
	if code := *(*int32)(unsafe.Pointer(&answer[unix.NLMSG_HDRLEN])); code != 0 { // struct nlmsgerr
		return unix.Errno(-code)
	}
	return nil
}

// attribute is one netlink attribute, padded to four bytes.
func attribute(kind uint16, value []byte) []byte {
	a := bytesOf(&unix.RtAttr{Len: uint16(unix.SizeofRtAttr + len(value)), Type: kind})
	a = append(a, value...)
	for len(a)%unix.NLMSG_ALIGNTO != 0 {
		a = append(a, 0)
	}
	return a
}

// bytesOf is a kernel structure as the kernel reads it.
func bytesOf[T any](v *T) []byte {
	return append([]byte(nil), unsafe.Slice((*byte)(unsafe.Pointer(v)), unsafe.Sizeof(*v))...)
}
