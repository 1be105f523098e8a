// Package s3 is S3 as far as revisions, artifacts and ordinary programs need it: buckets,
// objects with versions, ranges, conditions, tags, copies, lists and multipart uploads, in
// path style and in virtual-host style.
//
// It is a plain HTTP handler, for S3's protocol is HTTP itself. What objects hold are
// files, written beside their place, synced and renamed; what is known about them are rows
// of the store, written when the file stands. Neighbours read through Object.
//
// Where it knowingly differs from AWS: policies, ACLs, lifecycle rules, replication,
// notifications, object lock, website hosting and encryption settings are absent (asked
// for, they answer as on a bucket that has none; set, they are NotImplemented); a bucket belongs to this
// cloud only, so that names are taken by nobody else; the smallest part of an upload is not
// 5 MiB; nobody calls without a signature.
package s3
