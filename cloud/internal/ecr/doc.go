// Package ecr is Amazon Elastic Container Registry: its API, and the registry that docker,
// podman and every other OCI client pushes to and pulls from.
//
// Repositories, images, tags and the links of layers into repositories are rows of the
// store; the bytes of layers and manifests are content-addressed files (package blobs),
// shared among repositories and removed when nothing refers to them. What a client was
// told to be stored survives kill -9. Uploads can be continued after a restart.
//
// Registry serves OCI distribution 1.1 below /v2/: everything but the catalogue, which ECR
// does not have either. Clients log in as "AWS" with the password of
// GetAuthorizationToken, which is signed by a key of the store, says who asked for it, and
// is valid for twelve hours.
//
// Where AWS's behaviour is not written down, this was decided:
//   - Pushing the manifest that an immutable tag already has succeeds; the API's PutImage
//     answers ImageAlreadyExistsException, as for every image that is there already.
//   - A manifest or layer that another image needs cannot be deleted over HTTP (405,
//     UNSUPPORTED); deleting a tag over HTTP leaves the image, the API's BatchDeleteImage
//     removes an image with its last tag.
//   - Layers that no image uses stay for an hour after they were last asked for.
//   - Ages in lifecycle policies are real time: timestamps agree with the clients'. Only
//     the pause between two runs of the policies is scaled.
//
// Where it knowingly differs from AWS: repository URIs are HOST:PORT/NAME of the local
// cloud. Nothing is scanned: scans end as UNSUPPORTED_IMAGE. Registries are neither
// replicated nor do they cache others: replication to anywhere and pull-through rules are
// refused, with AWS's own errors. KMS keys, signing and scanning settings are records.
package ecr
