package wire

import (
	"net/http"
	"strings"

	"github.com/turnoutdev/turnout/cloud/internal/wire/codec"
)

// route finds the service, the operation and the protocol of a request, in the order in
// which they are certain: X-Amz-Target, the path of rpc-v2-cbor, the form's Action, the
// service in the credential scope, the host, the path. It reads the body only to see a form.
func (x *exchange) route() error {
	if target := x.r.Header.Get("X-Amz-Target"); target != "" {
		return x.routeTarget(target)
	}
	if rest, ok := strings.CutPrefix(x.r.URL.Path, "/service/"); ok && x.r.Header.Get("Smithy-Protocol") != "" {
		return x.routeCBOR(rest)
	}
	scope := x.srv.scopes[scopeService(x.r)]
	if scope != nil && scope.Handler != nil {
		x.service, x.protocol = scope, restXML{}
		return nil
	}
	if scope != nil && scope.speaks(RestJSON) {
		if x.routeREST(scope) && x.op != nil {
			return nil
		}
		x.speak(restJSON{})
		return unknownOperation(x.r.Method + " " + x.r.URL.Path)
	}
	if isForm(x.r) {
		return x.routeForm(scope)
	}
	return x.routePath()
}

// speak settles the protocol of a service with operations.
func (x *exchange) speak(p interface {
	protocol
	operations
}) {
	x.protocol, x.codec = p, p
}

func (x *exchange) routeTarget(target string) error {
	version := "1.1"
	if strings.HasPrefix(x.r.Header.Get("Content-Type"), "application/x-amz-json-1.0") {
		version = "1.0"
	}
	x.speak(awsJSON{version})
	prefix, name, _ := strings.Cut(target, ".")
	x.service = x.srv.targets[prefix]
	return x.find(name, target)
}

func (x *exchange) routeCBOR(path string) error {
	x.speak(rpcCBOR{})
	prefix, name, _ := strings.Cut(path, "/operation/")
	x.service = x.srv.targets[prefix]
	if x.service != nil && !x.service.speaks(CBOR) {
		x.service = nil
	}
	return x.find(name, prefix+"."+name)
}

// find looks the operation up; asked is how the client called it.
func (x *exchange) find(name, asked string) error {
	if x.service != nil {
		if x.op = x.service.Op(name); x.op != nil {
			return nil
		}
	}
	return unknownOperation(asked)
}

// isForm reports whether a request is awsQuery's or ec2Query's: a form in the body, or in the URL.
func isForm(r *http.Request) bool {
	if r.Method == http.MethodPost {
		return strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	}
	return r.Method == http.MethodGet && r.URL.RawQuery != "" &&
		(strings.HasPrefix(r.URL.RawQuery, "Action=") || strings.Contains(r.URL.RawQuery, "&Action="))
}

func (x *exchange) routeForm(scope *Service) error {
	x.speak(awsQuery{})
	if err := x.read(); err != nil {
		return err
	}
	form, err := codec.ParseForm(x.r.URL.RawQuery, string(x.body))
	if err != nil {
		return err
	}
	x.form = form
	action, version := form.Get("Action"), form.Get("Version")
	if version == "" {
		version = "NO_VERSION_SPECIFIED"
	}
	if x.service = x.srv.byVersion(version, scope, action); x.service != nil {
		if x.service.speaks(EC2Query) {
			x.speak(ec2Query{})
		}
		if x.op = x.service.Op(action); x.op != nil {
			return nil
		}
	}
	if action == "" {
		return missingAction()
	}
	return invalidAction(action, version)
}

// byVersion prefers the service that the caller signed for, then one that has the action.
func (s *Server) byVersion(version string, scope *Service, action string) *Service {
	candidates := s.versions[version]
	for _, svc := range candidates {
		if svc == scope {
			return svc
		}
	}
	for _, svc := range candidates {
		if svc.Op(action) != nil {
			return svc
		}
	}
	if len(candidates) > 0 {
		return candidates[0]
	}
	return nil
}

// routePath finds services by their hosts and paths, for requests without a scope.
func (x *exchange) routePath() error {
	for _, svc := range x.srv.rest {
		if svc.Handler == nil && x.routeREST(svc) && x.op != nil {
			return nil
		}
		if svc.Handler != nil && svc.owns(x.r) {
			x.service, x.protocol = svc, restXML{}
			return nil
		}
	}
	x.protocol, x.service, x.op = restXML{}, nil, nil
	if x.plain = x.srv.fallback(); x.plain != nil {
		return nil
	}
	return noSuchPath(x.r.URL.Path)
}

func (s *Service) owns(r *http.Request) bool {
	if s.Host != nil {
		if _, ours := s.Host(r.Host); ours || presigned2(r) {
			return true
		}
	}
	for _, p := range s.PathRoot {
		if strings.HasPrefix(r.URL.Path, p) {
			return true
		}
	}
	return false
}

// scopeService returns the service named in a request's SigV4 credential scope, or "".
func scopeService(r *http.Request) string {
	cred := r.Header.Get("Authorization")
	if i := strings.Index(cred, "Credential="); i >= 0 {
		cred = cred[i+len("Credential="):]
		cred, _, _ = strings.Cut(cred, ",")
	} else if cred = ""; strings.Contains(r.URL.RawQuery, "X-Amz-Credential=") {
		cred = r.URL.Query().Get("X-Amz-Credential")
	}
	parts := strings.Split(cred, "/")
	if len(parts) < 5 {
		return ""
	}
	return parts[len(parts)-2]
}
