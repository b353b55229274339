package pve

import "time"

// PingEvery is for tests that do not wait half a minute.
func (c *Client) PingEvery(d time.Duration) { c.pings = d }
