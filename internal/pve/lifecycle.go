package pve

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// DestroyOptions are the options of Destroy.
type DestroyOptions struct {
	Purge bool // also remove it from backup jobs, replication and HA
	Force bool // even if it is running
	// Unreferenced also removes every disk with the container's id on all enabled
	// storages that the config does not name, even if another program has made it.
	Unreferenced bool
}

// Start starts a container and returns the task; "" if the container is running.
func (c *Client) Start(ctx context.Context, node string, ctid int) (upid string, err error) {
	return c.act(ctx, "start", node, ctid, "start", nil, "already running")
}

// Stop kills a container and returns the task; "" if the container is stopped.
func (c *Client) Stop(ctx context.Context, node string, ctid int) (upid string, err error) {
	return c.act(ctx, "stop", node, ctid, "stop", nil, "not running")
}

// Shutdown asks a container's init to end within timeout and returns the task; "" if the
// container is stopped. After the timeout, force kills the container; without it the task
// fails.
func (c *Client) Shutdown(ctx context.Context, node string, ctid int, timeout time.Duration, force bool) (upid string, err error) {
	body := map[string]any{"timeout": max(1, int(timeout.Seconds())), "forceStop": flag(force)}
	return c.act(ctx, "shut down", node, ctid, "shutdown", body, "not running")
}

func (c *Client) act(ctx context.Context, verb, node string, ctid int, action string, body map[string]any, done string) (string, error) {
	op := fmt.Sprintf("%s container %d", verb, ctid)
	var upid string
	err := unlocked(ctx, func() error {
		if body == nil {
			body = map[string]any{}
		}
		return c.begin(ctx, op, http.MethodPost, join("nodes", node, "lxc", strconv.Itoa(ctid), "status", action), body, &upid)
	})
	var e *Error
	if errors.As(err, &e) && strings.HasSuffix(e.Reason, done) {
		return "", nil
	}
	return upid, err
}

// Destroy removes a container and its disks. The caller must make sure that the container
// is ours. The error is NotFound if it does not exist.
func (c *Client) Destroy(ctx context.Context, node string, ctid int, o DestroyOptions) (upid string, err error) {
	op := fmt.Sprintf("destroy container %d", ctid)
	query := url.Values{}
	if o.Purge {
		query.Set("purge", "1")
	}
	if o.Force {
		query.Set("force", "1")
	}
	if o.Unreferenced {
		query.Set("destroy-unreferenced-disks", "1")
	}
	path := join("nodes", node, "lxc", strconv.Itoa(ctid))
	if len(query) > 0 {
		path += "?" + query.Encode()
	}
	err = unlocked(ctx, func() error { return c.begin(ctx, op, http.MethodDelete, path, nil, &upid) })
	return upid, err
}

// unlocked repeats do while Proxmox answers that it could not get a lock in time ("can't
// lock file '…' - got timeout"), in which case it has done nothing. The pauses grow from
// half a second to 8 s; it gives up after a minute and a half.
func unlocked(ctx context.Context, do func() error) error {
	began := time.Now()
	for pause := 500 * time.Millisecond; ; pause = min(2*pause, 8*time.Second) {
		err := do()
		if err == nil || !lockTimeout(err) || time.Since(began) > 90*time.Second {
			return err
		}
		if sleep(ctx, pause/2+rand.N(pause/2)) != nil {
			return err
		}
	}
}

func lockTimeout(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusInternalServerError &&
		strings.Contains(e.Reason, "can't lock") && strings.Contains(e.Reason, "got timeout")
}

// flag is a boolean in the form that every version of Proxmox accepts.
func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}
