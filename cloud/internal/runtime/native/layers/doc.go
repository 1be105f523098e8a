// Package layers keeps image layers unpacked on disk, in the form that overlay mounts
// take: what a layer deletes is a character device 0/0, a folder that it replaces has the
// attribute user.overlay.opaque.
//
// A layer is known by the digest of its uncompressed content, which is checked. It
// appears whole or not at all; of concurrent calls for one layer, one unpacks it. Layers
// are never written to afterwards, and never removed here.
//
// Content is taken from strangers: every path is resolved below the layer's own folder,
// through os.Root. Without the privilege to give files away, all files belong to the
// caller and device files are left out.
package layers
