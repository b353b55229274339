package pve

import "context"

type Snapshot struct{ Name string }

func (c *Client) Snapshots(ctx context.Context, node string, ctid int) ([]Snapshot, error) {
	return nil, nil
}
