package balancer

import "net"

func (l *listener) serveHTTP1(c net.Conn) { l.handOver(c) }
