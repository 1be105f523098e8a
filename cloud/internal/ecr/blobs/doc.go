// Package blobs keeps a registry's bytes on disk: content-addressed files that never
// change, and uploads in progress.
//
// A blob is written to a temporary file while its digest is computed, fsynced, and renamed
// to its digest: a file that has its name is whole, whatever happened meanwhile. Uploads
// are files too and can be continued after a restart; their hash is computed again then.
// Memory use does not depend on the size of a blob. No file stays open between requests.
//
// Which repository may see which blob is not known here.
package blobs
