package cloudwatch

import (
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"
)

// rule is a composite alarm's rule, compiled: it judges by the states of other alarms,
// given by name.
type rule func(state func(name string) types.StateValue) bool

// The limits of a rule.
const (
	maxRuleText     = 10240
	maxRuleElements = 500
	maxRuleAlarms   = 100
)

// ruleStates are the functions of a rule, by name.
var ruleStates = map[string]types.StateValue{
	"ALARM": types.StateValueAlarm, "OK": types.StateValueOk, "INSUFFICIENT_DATA": types.StateValueInsufficientData,
}

// ruleParser reads a rule: OR binds the loosest, NOT the tightest.
type ruleParser struct {
	tokens   []string
	prefix   string // of alarms' ARNs
	alarms   []string
	elements int
}

// compileRule reads a rule and tells which alarms it names, each once. An alarm is named
// by its name or by its ARN, which begins with prefix.
func compileRule(text, prefix string) (rule, []string, error) {
	if len(text) > maxRuleText {
		return nil, nil, fmt.Errorf("it is longer than %d characters", maxRuleText)
	}
	tokens, err := ruleTokens(text)
	if err != nil {
		return nil, nil, err
	}
	p := &ruleParser{tokens: tokens, prefix: prefix}
	r, err := p.or()
	if err == nil && len(p.tokens) > 0 {
		err = fmt.Errorf("unexpected %s", p.tokens[0])
	}
	switch {
	case err != nil:
		return nil, nil, err
	case p.elements > maxRuleElements || len(p.alarms) > maxRuleAlarms:
		return nil, nil, fmt.Errorf("it has more than %d elements or %d alarms", maxRuleElements, maxRuleAlarms)
	}
	return r, p.alarms, nil
}

// ruleTokens splits a rule into words, brackets, commas and quoted names, which keep their
// quote in front.
func ruleTokens(text string) ([]string, error) {
	var out []string
	for {
		text = strings.TrimLeft(text, " \t\r\n")
		if text == "" {
			return out, nil
		}
		n := 1
		switch text[0] {
		case '(', ')', ',':
		case '"':
			end := strings.IndexByte(text[1:], '"')
			if end < 0 {
				return nil, errors.New("a quote is not closed")
			}
			out, text = append(out, text[:end+1]), text[end+2:]
			continue
		default:
			if n = strings.IndexAny(text, " \t\r\n(),\""); n < 0 {
				n = len(text)
			}
		}
		out, text = append(out, text[:n]), text[n:]
	}
}

func (p *ruleParser) take(want string) bool {
	if len(p.tokens) == 0 || p.tokens[0] != want {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *ruleParser) next() string {
	if len(p.tokens) == 0 {
		return ""
	}
	t := p.tokens[0]
	p.tokens = p.tokens[1:]
	return t
}

func (p *ruleParser) or() (rule, error) {
	left, err := p.and()
	for err == nil && p.take("OR") {
		var right rule
		if right, err = p.and(); err == nil {
			a := left
			left = func(s func(string) types.StateValue) bool { return a(s) || right(s) }
		}
	}
	return left, err
}

func (p *ruleParser) and() (rule, error) {
	left, err := p.not()
	for err == nil && p.take("AND") {
		var right rule
		if right, err = p.not(); err == nil {
			a := left
			left = func(s func(string) types.StateValue) bool { return a(s) && right(s) }
		}
	}
	return left, err
}

func (p *ruleParser) not() (rule, error) {
	negated := false
	for p.take("NOT") {
		negated = !negated
	}
	r, err := p.operand()
	if !negated || err != nil {
		return r, err
	}
	return func(s func(string) types.StateValue) bool { return !r(s) }, nil
}

func (p *ruleParser) operand() (rule, error) {
	p.elements++
	if p.take("(") {
		if p.elements > maxRuleElements { // also bounds how deep it goes
			return nil, fmt.Errorf("it has more than %d elements", maxRuleElements)
		}
		r, err := p.or()
		if err == nil && !p.take(")") {
			err = errors.New("a bracket is not closed")
		}
		return r, err
	}
	switch word := p.next(); word {
	case "TRUE", "FALSE":
		return func(func(string) types.StateValue) bool { return word == "TRUE" }, nil
	case "":
		return nil, errors.New("it ends too early")
	default:
		want, ok := ruleStates[word]
		if !ok {
			return nil, fmt.Errorf("unexpected %s", word)
		}
		name, err := p.alarm()
		return func(s func(string) types.StateValue) bool { return s(name) == want }, err
	}
}

// alarm reads the name in brackets behind a state function.
func (p *ruleParser) alarm() (string, error) {
	if !p.take("(") {
		return "", errors.New("an alarm's name must stand in brackets")
	}
	name := p.next()
	if name == "" || strings.ContainsAny(name[:1], "(),") {
		return "", errors.New("an alarm's name is missing")
	}
	if !p.take(")") {
		return "", errors.New("a bracket is not closed")
	}
	name = strings.TrimPrefix(strings.TrimPrefix(name, `"`), p.prefix)
	for _, known := range p.alarms {
		if known == name {
			return name, nil
		}
	}
	p.alarms = append(p.alarms, name)
	return name, nil
}
