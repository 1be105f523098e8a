// Package regex has regular expressions that are compiled when they are first used: some
// sixty of them, compiled as the program starts, would cost every verb milliseconds and
// memory for the few that it needs.
package regex

import (
	"regexp"
	"sync"
)

// Lazy is a regular expression in the syntax of package regexp. Its methods are those of
// regexp.Regexp, and panic when it does not compile; a test finds such ones in the code.
type Lazy struct {
	source string
	once   sync.Once
	re     *regexp.Regexp
}

// New is a regular expression that is not yet compiled. It is small enough to be inlined,
// so that variables which hold one are laid out by the compiler and need no start-up code.
func New(source string) *Lazy { return &Lazy{source: source} }

func (l *Lazy) compiled() *regexp.Regexp {
	l.once.Do(func() { l.re = regexp.MustCompile(l.source) })
	return l.re
}

// MatchString tells whether s has a match.
func (l *Lazy) MatchString(s string) bool { return l.compiled().MatchString(s) }

// FindStringSubmatch is the first match in s and what its groups hold, or nil.
func (l *Lazy) FindStringSubmatch(s string) []string { return l.compiled().FindStringSubmatch(s) }

// ReplaceAllString replaces each match in s by to, in which $1 is the first group.
func (l *Lazy) ReplaceAllString(s, to string) string { return l.compiled().ReplaceAllString(s, to) }

// ReplaceAllStringFunc replaces each match in s by what to makes of it.
func (l *Lazy) ReplaceAllStringFunc(s string, to func(string) string) string {
	return l.compiled().ReplaceAllStringFunc(s, to)
}
