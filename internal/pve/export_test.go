package pve

import (
	"context"
	"net"
	"time"
)

// PingEvery lets tests avoid a wait of half a minute.
func (c *Client) PingEvery(d time.Duration) { c.pings = d }

// Wrap lets tests watch the client's connections.
func (c *Client) Wrap(wrap func(net.Conn) net.Conn) {
	dial := c.http.inner.DialContext
	c.http.inner.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return wrap(conn), nil
	}
}
