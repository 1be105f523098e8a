// Package codec reads and writes the wire forms of AWS's protocols straight into and out
// of aws-sdk-go-v2's own Input and Output structs, by reflection: JSON (awsJson and the
// bodies of restJson), form parameters and XML (awsQuery), and CBOR (rpc-v2-cbor).
//
// A Plan is made once for a type and says how each member is called and of what kind it
// is. Names holds what the Go types do not tell: whether members start lower-case, the
// few that break the rule, the variants of unions.
//
// A decoder keeps what it knows and names what it does not (unknown members), never more
// than maxUnknown of them; it stops at the first thing that cannot be converted, with an
// *Error. null is the same as absent. Nesting is bounded by maxDepth, so no input can
// exhaust the stack. Members in HTTP headers and URIs are not this package's business.
package codec
