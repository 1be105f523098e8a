// Package house holds the rules of the code base as a test: who may import whom, and
// why. docs/tour.md explains the layout.
package house
