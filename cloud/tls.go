package cloud

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/ca"
)

// openTLS takes the second port, where AWS's own names are served under TLS.
func (c *Cloud) openTLS() error {
	if c.opts.TLSAddr == "" {
		return nil
	}
	var err error
	dir := c.opts.CA
	if dir == "" {
		dir = filepath.Join(c.dir, "ca")
	}
	if c.authority, err = ca.Open(dir); err != nil {
		return fmt.Errorf("%w: %w", ErrOptions, err)
	}
	plain, err := net.Listen("tcp", c.opts.TLSAddr)
	if err != nil {
		return fmt.Errorf("%w: %w; choose another port for TLS", ErrOptions, err)
	}
	c.secure = tls.NewListener(plain, c.authority.Config())
	c.tunnels = &tunnels{addr: plain.Addr(), conns: make(chan net.Conn), closed: make(chan struct{})}
	return nil
}

// serveTLS serves the second port, and the tunnels that clients with a proxy open. It
// returns when both have ended.
func (c *Cloud) serveTLS() {
	if c.secure == nil {
		return
	}
	c.secureServer = &http.Server{Handler: c, ConnContext: markContained, ReadHeaderTimeout: 30 * time.Second, ErrorLog: slog.NewLogLogger(c.opts.Log.Handler(), slog.LevelDebug)}
	for _, l := range []net.Listener{c.secure, tls.NewListener(c.tunnels, c.authority.Config())} {
		go func() {
			if err := c.secureServer.Serve(l); !errors.Is(err, http.ErrServerClosed) {
				c.fail(fmt.Errorf("serve TLS: %w", err))
			}
		}()
	}
}

// closeTLS ends what serveTLS began.
func (c *Cloud) closeTLS(ctx context.Context) {
	if c.secureServer != nil && c.secureServer.Shutdown(ctx) != nil {
		_ = c.secureServer.Close() // what hung is cut
	}
}

// tunnel answers a client that takes the cloud for its proxy (HTTPS_PROXY): what it wants
// of AWS's names is served here, and nothing goes anywhere else.
func (c *Cloud) tunnel(w http.ResponseWriter, r *http.Request) {
	host, _, err := net.SplitHostPort(r.Host)
	if c.tunnels == nil || err != nil || !ca.Vouches(host) {
		http.Error(w, "the local cloud is a proxy for AWS's names only, and with --tls", http.StatusForbidden)
		return
	}
	conn, buf, err := http.NewResponseController(w).Hijack()
	if err != nil {
		http.Error(w, "the connection cannot be taken over", http.StatusInternalServerError)
		return
	}
	if _, err := conn.Write([]byte("HTTP/1.1 200 Connection Established\r\n\r\n")); err != nil || buf.Reader.Buffered() > 0 {
		_ = conn.Close() // a client that talks before it is answered is none of ours
		return
	}
	if contained(r.Context()) {
		conn = containedConn{conn}
	}
	c.tunnels.hand(conn)
}

// tunnels is a listener whose connections come from tunnel.
type tunnels struct {
	addr   net.Addr
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (t *tunnels) hand(conn net.Conn) {
	select {
	case t.conns <- conn:
	case <-t.closed:
		_ = conn.Close() // the cloud has ended
	}
}

func (t *tunnels) Accept() (net.Conn, error) {
	select {
	case c := <-t.conns:
		return c, nil
	case <-t.closed:
		return nil, net.ErrClosed
	}
}

func (t *tunnels) Close() error {
	t.once.Do(func() { close(t.closed) })
	return nil
}

func (t *tunnels) Addr() net.Addr { return t.addr }

// TLSEndpoint is the URL of the API under TLS, "" when it is not served.
func (c *Cloud) TLSEndpoint() string {
	if c.secure == nil {
		return ""
	}
	return "https://" + c.secure.Addr().String()
}

// CAFile is the certificate that vouches for TLSEndpoint and for AWS's names here, PEM;
// "" without TLS.
func (c *Cloud) CAFile() string {
	if c.authority == nil {
		return ""
	}
	return c.authority.File
}
