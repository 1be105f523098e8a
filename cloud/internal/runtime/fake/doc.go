// Package fake is a driver without processes: what images are and what containers do is
// configuration. Engines are tested with it, inside testing/synctest bubbles too, as it
// waits with package time only and its connections are in memory; and a cloud can run on
// it where no containers can.
//
// Left alone, every reference is an image whose containers answer HTTP requests on all
// ports of their sandbox with 200, exit with 0 on SIGTERM, and succeed at every Exec.
//
// Containers have no files, users or environment, so package drivertest's suite, which
// asks real programs about these, is not for it.
package fake
