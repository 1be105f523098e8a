// Package sigv4 reads and recomputes AWS Signature Version 4: in the Authorization header,
// in the query of presigned URLs, and in the chunks of a streamed body. It is pure: who
// may sign, which scope and what time is right is decided by the caller.
//
// SigV4A (asymmetric signatures, for S3's multi-region access points) is not read.
package sigv4
