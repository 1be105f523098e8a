// Package conformance holds wire against real clients. It has tests only.
//
// Every operation of every SDK client used in Turnout is called through the real client
// with all members filled, and the server's view of the input, and the client's view of
// the output, must be what went in (roundtrip_test.go). The SDK modules' own snapshots of
// requests and responses must survive (snapshot_test.go). botocore, which reads AWS's
// models itself and neither shares code nor names with the Go SDK, does the same from
// Python (botocore_test.go). To add a service, add a row in targets_test.go.
//
// Event streams are not spoken by wire and are left out.
package conformance
