//go:build !linux

package guest

import "net"

// promptly is for Linux, which has an option to acknowledge at once.
func promptly(conn net.Conn) net.Conn { return conn }
