// Package s3 is S3 as far as revisions, artifacts and ordinary programs need it: buckets,
// objects with versions, ranges, conditions, tags, copies, lists and multipart uploads, in
// path style and in virtual-host style.
//
// It is a plain HTTP handler, for S3's protocol is HTTP itself. What objects hold are
// files, written beside their place, synced and renamed; what is known about them are rows
// of the store, written when the file stands. Neighbours read through Object.
//
// Buckets have policies, which are evaluated with their callers' own, block public ones
// and ACLs, and have the owner enforced, as AWS's have by default. Their other settings are
// documents that are checked in outline, kept and given back.
//
// Of S3 Control, which shares S3's signatures, there are the tags of buckets alone.
//
// Where it knowingly differs from AWS: replication and object lock are absent (asked for,
// they answer as on a bucket that has none; set, they are NotImplemented); ACLs are canned
// or whole documents, not grants in headers; aws:SecureTransport is always true; a bucket
// belongs to this cloud only, so that names are taken by nobody else; the smallest part of
// an upload is not 5 MiB; nobody calls without a signature.
package s3
