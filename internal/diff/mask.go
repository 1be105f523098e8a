package diff

import (
	"strings"

	"github.com/turnoutdev/turnout/internal/regex"
)

// mask stands for a value that is not shown.
const mask = "********"

var (
	// secretName are the names whose values are not shown.
	secretName = regex.New(`(?i)secret|passw(or)?d|passphrase|(^|[_.-])(pass|pwd|auth|dsn|salt|sid|pin|otp|jwt|pat|cookie|session|cert)([_.-]|$)|token|api[_.-]?key|access[_.-]?key|private[_.-]?key|signing[_.-]?key|encryption[_.-]?key|master[_.-]?key|credential|connection[_.-]?string|signature|webhook`)
	// harmlessName are names that only look like one of them.
	harmlessName = regex.New(`(?i)(^|[_.-])(arns?|url_path|ttl|expiry|expires|timeout|length|issuer|algorithm|header|file|path|name|enabled)$|^credentialsParameter$|^valueFrom$`)

	// What is secret whatever its name is.
	userinfo = regex.New(`([a-zA-Z][a-zA-Z0-9+.-]*://[^/\s:@]*:)[^@\s/]+@`)
	shapes   = regex.New(`(?s)\b(AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[opsur]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{20,}|\bxox[abprs]-[A-Za-z0-9-]{10,}|\bsk_(live|test)_[A-Za-z0-9]{10,}|\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----.*`)
	option   = regex.New(`^(--?([A-Za-z][\w.-]*))=(.*)$`)
	flag     = regex.New(`^--?([A-Za-z][\w.-]*)$`)
)

// Secret tells whether the values of things with this name are not to be shown.
func Secret(name string) bool {
	return secretName.MatchString(name) && !harmlessName.MatchString(name)
}

// Masked is a JSON value as it may be shown, when it stands under name: strings under
// names that look secret, and what looks secret inside of any string, have gone. v itself
// is not changed. References (ARNs) are no secrets.
func Masked(name string, v any) any {
	switch v := v.(type) {
	case string:
		return text(name, v)
	case map[string]any:
		return object(v)
	case []any:
		return list(name, v)
	case nil, bool:
		return v
	}
	if Secret(name) { // a number
		return mask
	}
	return v
}

func text(name, s string) string {
	if Secret(name) && s != "" && !strings.HasPrefix(s, "arn:") {
		return mask
	}
	s = userinfo.ReplaceAllString(s, "${1}"+mask+"@")
	return shapes.ReplaceAllString(s, mask)
}

// object masks members by their names; where a name and a value are members themselves,
// as in an environment, by that name.
func object(m map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		out[k] = Masked(k, v)
	}
	for _, k := range []string{"name", "key"} {
		if name, ok := m[k].(string); ok && m["value"] != nil {
			out["value"] = Masked(name, m["value"])
			out[k] = name
		}
	}
	return out
}

// list masks the values of options in a command, too: --password=x, --token x.
func list(name string, l []any) []any {
	out := make([]any, len(l))
	next := ""
	for i, e := range l {
		s, ok := e.(string)
		switch m := option.FindStringSubmatch(s); {
		case ok && next != "":
			out[i] = text(next, s)
		case ok && m != nil:
			out[i] = m[1] + "=" + text(m[2], m[3])
		default:
			out[i] = Masked(name, e)
		}
		next = ""
		if m := flag.FindStringSubmatch(s); ok && m != nil {
			next = m[1]
		}
	}
	return out
}
