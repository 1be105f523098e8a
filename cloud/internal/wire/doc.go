// Package wire serves AWS's wire protocols on one port: a Service's methods have the
// signatures of the aws-sdk-go-v2 client, wire reads each request into the SDK's own
// Input, calls the method, and writes the Output or the error in the protocol that the
// client spoke.
//
// A request is routed (route.go), read (body.go), authenticated (auth.go), decoded,
// checked against the service's model (validate.go), authorized, called, encoded (exchange.go). What
// the types cannot tell stands in three places: protocol facts in aws.go, member names
// in names.go, and the constraints generated from the models.
//
// Limits: awsJson 1.0 and 1.1, awsQuery, ec2Query, rpc-v2-cbor and restJson are spoken in full for
// requests and responses that fit into memory (Options.MaxBody). Event streams are not
// spoken. Services that want HTTP themselves (S3, the registry) are plain handlers:
// Service.Handler or Server.Handle.
package wire
