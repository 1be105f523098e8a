package ssm

import (
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/turnoutdev/turnout/cloud/internal/store"
	"github.com/turnoutdev/turnout/internal/regex"
)

var (
	nameForm     = regex.New(`^[a-zA-Z0-9_.\-/]+$`)
	reservedName = regex.New(`(?i)^/?(aws|ssm)`)
)

// checkName holds the name of a new parameter against the rules.
func checkName(name string) error {
	switch {
	case !nameForm.MatchString(name), reservedName.MatchString(name), strings.HasSuffix(name, "/"), strings.Contains(name, "//"):
		return invalid(`Parameter name: can't be prefixed with "aws" or "ssm" (case-insensitive). If formed as a path, it can consist of sub-paths divided by slash symbol; each sub-path can be formed as a mix of letters, numbers and the following 3 symbols .-_`)
	case strings.Contains(name, "/") && name[0] != '/':
		return invalid("Parameter name must be a fully qualified name.")
	case strings.Count(name, "/") > 15:
		return &types.HierarchyLevelLimitExceededException{Message: aws.String("A parameter hierarchy can have a maximum of 15 levels.")}
	}
	return nil
}

func (s *Service) arnOf(name string) string {
	return s.Place.Of("ssm", "parameter/"+strings.TrimPrefix(name, "/"))
}

// find finds a parameter by its name or ARN.
func (s *Service) find(tx *store.Tx, id string) (parameter, bool) {
	rest, isARN := strings.CutPrefix(id, s.arnOf(""))
	if !isARN {
		return s.parameters.Get(tx, id)
	}
	p, ok := s.parameters.Get(tx, "/"+rest)
	if !ok {
		p, ok = s.parameters.Get(tx, rest)
	}
	return p, ok
}

// selected finds the version that NAME, NAME:3, NAME:label or such an ARN means. selector
// is ":3" or ":label", if it was given.
func (s *Service) selected(tx *store.Tx, id string) (p parameter, v version, selector string, err error) {
	id, selector = cutSelector(id)
	p, ok := s.find(tx, id)
	switch {
	case !ok:
		return p, v, selector, errNone
	case selector == "":
		return p, p.latest(), "", nil
	}
	want := selector[1:]
	n, _ := strconv.ParseInt(want, 10, 64)
	for _, v := range p.Versions {
		if v.Number == n {
			return p, v, selector, nil
		}
		for _, l := range v.Labels {
			if l == want {
				return p, v, selector, nil
			}
		}
	}
	return p, v, selector, noVersion(want, p.Name)
}

// cutSelector parts the selector, with its colon, from a name or an ARN.
func cutSelector(id string) (name, selector string) {
	from := 0
	if strings.HasPrefix(id, "arn:") {
		from = max(strings.Index(id, ":parameter/")+1, 0)
	}
	if i := strings.IndexByte(id[from:], ':'); i >= 0 {
		return id[:from+i], id[from+i:]
	}
	return id, ""
}
