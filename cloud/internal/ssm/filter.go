package ssm

import (
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
)

// filters makes a predicate of filters, all of which must hold; of one filter's values any.
func filters(fs []types.ParameterStringFilter) (func(parameter) bool, error) {
	var all []func(parameter) bool
	for _, f := range fs {
		match, err := filter(f)
		if err != nil {
			return nil, err
		}
		all = append(all, match)
	}
	return func(p parameter) bool {
		for _, match := range all {
			if !match(p) {
				return false
			}
		}
		return true
	}, nil
}

// fields are what filters may ask for, and how a parameter answers.
var fields = map[string]func(parameter) []string{
	"Name":     func(p parameter) []string { return []string{p.Name, strings.TrimPrefix(p.Name, "/")} },
	"Type":     func(p parameter) []string { return []string{string(p.latest().Type)} },
	"KeyId":    func(p parameter) []string { return []string{aws.ToString(p.latest().KeyID)} },
	"Tier":     func(p parameter) []string { return []string{string(p.latest().Tier)} },
	"DataType": func(p parameter) []string { return []string{p.latest().DataType} },
	"Label":    func(p parameter) []string { return p.latest().Labels },
}

func filter(f types.ParameterStringFilter) (func(parameter) bool, error) {
	key, option := aws.ToString(f.Key), aws.ToString(f.Option)
	if key == "Path" {
		if option != "" && option != "OneLevel" && option != "Recursive" {
			return nil, badOption(key, option)
		}
		return func(p parameter) bool {
			return slices.ContainsFunc(f.Values, func(v string) bool { return under(p.Name, v, option == "Recursive") })
		}, nil
	}
	if tag, ok := strings.CutPrefix(key, "tag:"); ok {
		return func(p parameter) bool {
			v, has := p.Tags[tag]
			return has && (len(f.Values) == 0 || slices.Contains(f.Values, v))
		}, nil
	}
	of, ok := fields[key]
	if !ok {
		return nil, &types.InvalidFilterKey{Message: aws.String("The following filter key is not valid: " + key + ". Valid filter keys include: [Name, Type, KeyId, Path, Label, Tier, DataType].")}
	}
	holds := map[string]func(s, v string) bool{
		"": func(s, v string) bool { return s == v }, "Equals": func(s, v string) bool { return s == v },
		"BeginsWith": strings.HasPrefix, "Contains": strings.Contains,
	}[option]
	if holds == nil || (option == "Contains" && key != "Name") {
		return nil, badOption(key, option)
	}
	return func(p parameter) bool {
		return slices.ContainsFunc(of(p), func(s string) bool {
			return slices.ContainsFunc(f.Values, func(v string) bool { return holds(s, v) })
		})
	}, nil
}

func badOption(key, option string) error {
	return &types.InvalidFilterOption{Message: aws.String("The following filter option is not valid: " + option + ". Verify the options of the filter " + key + ".")}
}
