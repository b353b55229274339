package kernel

import (
	"context"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"syscall"
)

// openNet opens the connection of a redirection of /dev/tcp/HOST/PORT, which only bash
// knows. ok is false for every other name and every other shell.
func (sh *shell) openNet(ctx context.Context, name string) (conn net.Conn, ok bool, err error) {
	rest, ok := strings.CutPrefix(name, "/dev/tcp/")
	if !ok || sh.kind != "bash" {
		return nil, false, nil
	}
	host, port, _ := strings.Cut(rest, "/")
	if host == "localhost" {
		host = "127.0.0.1"
	}
	addr, err := netip.ParseAddr(host)
	if err != nil {
		return nil, true, syscall.ENETUNREACH
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return nil, true, syscall.EINVAL
	}
	conn, err = sh.p.M.Dial(ctx, addr, int(n))
	return conn, true, err
}
