// Package model has the shapes of EC2's operations that the local cloud serves, as the
// SDK's client declares them. That client is the largest package that Go programs commonly
// have: alone it takes a minute and three gigabytes to compile, more than all the rest of
// Turnout together. So its shapes are taken over by a generator, and a test holds each
// of them against the SDK's.
package model

//go:generate go run ./gen
