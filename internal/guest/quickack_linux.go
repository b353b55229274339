package guest

import (
	"net"

	"golang.org/x/sys/unix"
)

// promptly makes conn acknowledge what it receives at once. sshd leaves Nagle's
// algorithm on for a session without a terminal, so its second small packet
// waits for our acknowledgement, which Linux delays by 40 ms: twice for every
// command otherwise. The kernel forgets the option as it goes, so each read sets
// it again.
func promptly(conn net.Conn) net.Conn {
	tcp, ok := conn.(*net.TCPConn)
	if !ok {
		return conn
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return conn
	}
	return &promptConn{TCPConn: tcp, ack: func() {
		// Without it the link is slower, no more.
		_ = raw.Control(func(fd uintptr) {
			_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_QUICKACK, 1)
		})
	}}
}

type promptConn struct {
	*net.TCPConn
	ack func()
}

func (c *promptConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	c.ack()
	return n, err
}
