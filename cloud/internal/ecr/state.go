package ecr

import (
	"errors"
	"slices"
	"time"

	"github.com/turnoutdev/turnout/cloud/internal/store"
)

// repository is a stored repository, keyed by its name.
type repository struct {
	Name       string            `json:"name"`
	Created    time.Time         `json:"created"`
	Mutability string            `json:"mutability"`
	Exclusions []string          `json:"exclusions,omitempty"` // wildcards of tags that Mutability is reversed for
	ScanOnPush bool              `json:"scanOnPush,omitempty"`
	Encryption string            `json:"encryption"`
	KMSKey     string            `json:"kmsKey,omitempty"`
	Policy     string            `json:"policy,omitempty"`
	Lifecycle  string            `json:"lifecycle,omitempty"`
	Evaluated  time.Time         `json:"evaluated,omitzero"` // when the lifecycle policy last ran
	Preview    *preview          `json:"preview,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
}

// image is a stored manifest, keyed by repository and digest.
type image struct {
	Digest       string            `json:"digest"`
	MediaType    string            `json:"mediaType"`
	ArtifactType string            `json:"artifactType,omitempty"` // or the configuration's media type
	Bytes        int64             `json:"bytes"`                  // of the manifest
	Size         int64             `json:"size"`                   // of layers and configuration, compressed
	Blobs        []string          `json:"blobs,omitempty"`        // layers and configuration
	Children     []string          `json:"children,omitempty"`     // manifests of an index
	Subject      string            `json:"subject,omitempty"`
	Annotations  map[string]string `json:"annotations,omitempty"`
	Pushed       time.Time         `json:"pushed"`
	Pulled       time.Time         `json:"pulled,omitzero"`
	Scanned      time.Time         `json:"scanned,omitzero"`    // when a scan was last asked for
	InArchive    bool              `json:"inArchive,omitempty"` // where it cannot be pulled
	Archived     time.Time         `json:"archived,omitzero"`   // last time that it went there
	Activated    time.Time         `json:"activated,omitzero"`  // last time that it came back
}

// tag is a stored tag, keyed by repository and name.
type tag struct {
	Digest string `json:"digest"`
}

// layer links a blob into a repository, keyed by repository and digest.
type layer struct {
	Size      int64     `json:"size"`
	MediaType string    `json:"mediaType,omitempty"` // as the last image says that uses it
	Since     time.Time `json:"since"`               // when it was last asked for while no image used it
}

// upload is a layer on its way, keyed by the upload's id.
type upload struct {
	Repository string    `json:"repository"`
	Begun      time.Time `json:"begun"`
}

type tables struct {
	repositories store.Table[repository]
	images       store.Table[image]
	labels       store.Table[tag]
	layers       store.Table[layer]
	uploads      store.Table[upload]
	keys         store.Table[[]byte]
	registry     store.Table[registryRecord]
	templates    store.Table[template]
}

func openTables(s *store.Store) (t tables, err error) {
	var errs [8]error
	t.repositories, errs[0] = store.NewTable[repository](s, "ecr-repositories")
	t.images, errs[1] = store.NewTable[image](s, "ecr-images")
	t.labels, errs[2] = store.NewTable[tag](s, "ecr-tags")
	t.layers, errs[3] = store.NewTable[layer](s, "ecr-layers")
	t.uploads, errs[4] = store.NewTable[upload](s, "ecr-uploads")
	t.keys, errs[5] = store.NewTable[[]byte](s, "ecr-keys")
	t.registry, errs[6] = store.NewTable[registryRecord](s, "ecr-registry")
	t.templates, errs[7] = store.NewTable[template](s, "ecr-templates")
	return t, errors.Join(errs[:]...)
}

// in is the key of something inside a repository; in(repo, "") is the prefix of them all.
func in(repo, what string) string { return repo + "\x00" + what }

// tagsByDigest lists the sorted tags of each image of a repository.
func (t *tables) tagsByDigest(tx *store.Tx, repo string) map[string][]string {
	all := map[string][]string{}
	for k, l := range t.labels.All(tx, in(repo, "")) {
		all[l.Digest] = append(all[l.Digest], k[len(repo)+1:])
	}
	return all
}

// tagsOf lists the sorted tags of one image.
func (t *tables) tagsOf(tx *store.Tx, repo, digest string) []string {
	var tags []string
	for k, l := range t.labels.All(tx, in(repo, "")) {
		if l.Digest == digest {
			tags = append(tags, k[len(repo)+1:])
		}
	}
	return tags
}

// parent finds an index that lists a manifest, "" for none.
func (t *tables) parent(tx *store.Tx, repo, digest string) string {
	for _, i := range t.images.All(tx, in(repo, "")) {
		if slices.Contains(i.Children, digest) {
			return i.Digest
		}
	}
	return ""
}

// used lists the blobs that images of a repository need.
func (t *tables) used(tx *store.Tx, repo string) map[string]bool {
	all := map[string]bool{}
	for _, i := range t.images.All(tx, in(repo, "")) {
		for _, b := range i.Blobs {
			all[b] = true
		}
	}
	return all
}
