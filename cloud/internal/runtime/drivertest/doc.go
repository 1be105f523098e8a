// Package drivertest is one suite for every driver: what package agent relies on. A
// driver's own tests call
//
//	var factory = drivertest.Factory{New: func(dir string) (runtime.Driver, error) { … }}
//
//	func TestMain(m *testing.M) { drivertest.Main(m, factory) }
//	func TestDriver(t *testing.T) { drivertest.Run(t, factory) }
//
// The images are made here, from the program in probe/, and pulled from a registry in
// the test's own process. The suite runs real processes in real time; it needs the Go
// tool. Package fake runs no programs and is not a subject of it.
package drivertest
