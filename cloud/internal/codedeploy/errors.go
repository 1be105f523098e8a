package codedeploy

import (
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/codedeploy/types"

	"github.com/turnoutdev/turnout/cloud/internal/page"
	"github.com/turnoutdev/turnout/internal/regex"
)

// The errors that several operations make. Texts that nobody has quoted from AWS are
// worded after those that somebody has.

func text(format string, args ...any) *string { return aws.String(fmt.Sprintf(format, args...)) }

var (
	nameForm       = regex.New(`^[A-Za-z0-9._+=,@-]{1,100}$`)
	deploymentForm = regex.New(`^d-[A-Z0-9]{9}$`)
)

// named holds a text against a form: the first error when there is none, the second when
// it is malformed.
func named(s *string, form *regex.Lazy, missing, malformed error) error {
	switch {
	case aws.ToString(s) == "":
		return missing
	case !form.MatchString(*s):
		return malformed
	}
	return nil
}

const nameRule = "must be 1 to 100 characters of letters, digits and . _ + = , @ -"

func checkApplicationName(s *string) error {
	return named(s, nameForm, &types.ApplicationNameRequiredException{Message: text("Application name is missing")},
		&types.InvalidApplicationNameException{Message: text("Application name %s is invalid: it %s", aws.ToString(s), nameRule)})
}

func checkGroupName(s *string) error {
	return named(s, nameForm, &types.DeploymentGroupNameRequiredException{Message: text("Deployment Group name is missing")},
		&types.InvalidDeploymentGroupNameException{Message: text("Deployment Group name %s is invalid: it %s", aws.ToString(s), nameRule)})
}

func checkConfigName(s *string) error {
	return named(s, nameForm, &types.DeploymentConfigNameRequiredException{Message: text("Deployment Configuration name is missing")},
		&types.InvalidDeploymentConfigNameException{Message: text("Deployment Configuration name %s is invalid: it %s", aws.ToString(s), nameRule)})
}

func checkDeploymentID(s *string) error {
	return named(s, deploymentForm, &types.DeploymentIdRequiredException{Message: text("Deployment id is missing")},
		&types.InvalidDeploymentIdException{Message: text("Specified DeploymentId is not in the valid format: %s", aws.ToString(s))})
}

func noApplication(name string) error {
	return &types.ApplicationDoesNotExistException{Message: text("No application found for name: %s", name)}
}

// noApplications is how CreateDeployment and BatchGetApplications say it.
func (s *Service) noApplications() error {
	return &types.ApplicationDoesNotExistException{Message: text("Applications not found for %s", s.Place.Account)}
}

func noGroup(name string) error {
	return &types.DeploymentGroupDoesNotExistException{Message: text("No Deployment Group found for name: %s", name)}
}

func noConfig(name string) error {
	return &types.DeploymentConfigDoesNotExistException{Message: text("No Deployment Configuration found for name: %s", name)}
}

func noDeployment(id string) error {
	return &types.DeploymentDoesNotExistException{Message: text("The deployment %s could not be found", id)}
}

func completed(id string) error {
	return &types.DeploymentAlreadyCompletedException{Message: text("The deployment %s has already completed", id)}
}

func overBatch(what string, limit int) error {
	return &types.BatchLimitExceededException{Message: text("The maximum number of %s allowed for this request (%d) was exceeded.", what, limit)}
}

// description checks the length of a deployment's or revision's description.
func checkDescription(s *string) error {
	if n := len([]rune(aws.ToString(s))); n > descriptionLimit {
		return &types.DescriptionTooLongException{Message: text("The description has %d characters; at most %d are allowed", n, descriptionLimit)}
	}
	return nil
}

const (
	descriptionLimit = 512 // the guide says 256, clients send up to 512
	pageSize         = 100
)

// cut returns one page of a list and the token of the next, nil on the last.
func cut[T any](items []T, key func(T) string, token *string) ([]T, *string, error) {
	part, next, err := page.Cut(items, key, aws.ToString(token), pageSize)
	switch {
	case err != nil:
		return nil, nil, &types.InvalidNextTokenException{Message: text("The next token was specified in an invalid format.")}
	case next == "":
		return part, nil, nil
	}
	return part, &next, nil
}

func itself(s string) string { return s }

// oneOf tells whether v is one of an enumeration's values.
func oneOf[E ~string](v E, values []E) bool {
	for _, x := range values {
		if x == v {
			return true
		}
	}
	return false
}

// checkBatch checks the names or ids of a batch operation.
func checkBatch(items []string, what string, limit int, check func(*string) error) error {
	if len(items) == 0 {
		return check(nil)
	}
	if len(items) > limit {
		return overBatch(what, limit)
	}
	for i := range items {
		if err := check(&items[i]); err != nil {
			return err
		}
	}
	return nil
}
