package balancer

import (
	"net/http"
	"net/netip"
	"strconv"
	"strings"
)

const (
	serverName = "awselb/2.0"
	statusGone = 460 // the client left before it was answered; counted, never sent
)

// page is an answer of the load balancer's own.
type page struct {
	status      int
	contentType string
	location    string
	body        string
	header      []Header
	end         bool // the connection closes: where the next request begins is not sure
}

// reasons are the status lines that differ from net/http's.
var reasons = map[int]string{
	http.StatusServiceUnavailable: "Service Temporarily Unavailable",
	http.StatusGatewayTimeout:     "Gateway Time-out",
	http.StatusRequestTimeout:     "Request Time-out",
	http.StatusRequestURITooLong:  "Request-URI Too Large",
	http.StatusMethodNotAllowed:   "Not Allowed",
	http.StatusFound:              "Found",
	463:                           "X-Forwarded-For Header Too Long",
	561:                           "Unauthorized",
	464:                           "Incompatible Protocol Versions",
}

func reason(status int) string {
	if r, ok := reasons[status]; ok {
		return r
	}
	return http.StatusText(status)
}

// errorPage is the page with which the load balancer tells of an error.
func errorPage(status int) *page {
	title := strconv.Itoa(status) + " " + reason(status)
	return &page{
		status:      status,
		contentType: "text/html",
		body: "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" +
			title + "</h1></center>\r\n</body>\r\n</html>\r\n",
		end: status == http.StatusBadRequest || status == http.StatusRequestTimeout || status == http.StatusRequestURITooLong,
	}
}

// page is the answer that a verdict without target stands for.
func (v *verdict) page(q query, l *listener) *page {
	switch {
	case v.fixed != nil:
		return fixedPage(v.fixed)
	case v.redirect != nil:
		p := errorPage(v.redirect.Status)
		p.location = v.redirect.location(q, v.routes)
		return p
	}
	return errorPage(v.status)
}

func fixedPage(f *Fixed) *page {
	p := &page{status: f.Status, contentType: f.ContentType, body: f.Body}
	if p.contentType == "" || p.contentType == "text/plain" {
		p.contentType = "text/plain; charset=utf-8"
	}
	return p
}

// location fills in the templates. The port is always told, as on AWS.
func (r *Redirect) location(q query, via *routes) string {
	fill := strings.NewReplacer(
		"#{protocol}", via.scheme,
		"#{host}", q.host(),
		"#{port}", via.port,
		"#{path}", strings.TrimPrefix(q.path(), "/"),
		"#{query}", q.rawQuery(),
	)
	or := func(v, standard string) string {
		if v == "" {
			v = standard
		}
		return fill.Replace(v)
	}
	u := strings.ToLower(or(r.Protocol, "#{protocol}")) + "://" + or(r.Host, "#{host}") +
		":" + via.standing(or(r.Port, "#{port}")) + or(r.Path, "/#{path}")
	if query := or(r.Query, "#{query}"); query != "" {
		u += "?" + query
	}
	return u
}

// standing is the port on which the listener stands that was declared at a port of the
// same address.
func (r *routes) standing(port string) string {
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return port
	}
	if other, ok := r.moved[netip.AddrPortFrom(r.config.Addr.Addr(), uint16(n))]; ok {
		return strconv.Itoa(int(other))
	}
	return port
}
