//go:build !unix

package balancer

// alive takes every idle connection for usable: requests that may be repeated are.
func (u *upstream) alive() bool { return true }
