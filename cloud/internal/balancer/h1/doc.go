// Package h1 reads HTTP/1 messages as a relay must: heads and chunked bodies, strictly,
// without copying and without allocating.
//
// What is accepted is what every other implementation reads in the same way. Whatever two
// readers might frame differently is refused: Transfer-Encoding next to Content-Length,
// repeated lengths, bare line feeds, folded lines, space before a colon, a chunk size that
// is not plain hexadecimal. A relay that frames messages anew from what was understood
// here cannot be used to smuggle requests past it.
//
// Slices in results point into the bytes that were given.
package h1
