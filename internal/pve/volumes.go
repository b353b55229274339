package pve

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// SetConfigs sets keys of a stopped container's configuration and removes others, in one
// request: Proxmox writes the file once, so that either all of it is done or nothing. It is
// idempotent.
func (c *Client) SetConfigs(ctx context.Context, node string, ctid int, set map[string]string, drop ...string) error {
	body := map[string]any{}
	for k, v := range set {
		body[k] = v
	}
	if len(drop) > 0 {
		body["delete"] = strings.Join(drop, ",")
	}
	op := fmt.Sprintf("set %s of container %d", strings.Join(slices.Concat(slices.Sorted(maps.Keys(set)), drop), ", "), ctid)
	return unlocked(ctx, func() error {
		return c.send(ctx, op, http.MethodPut, join("nodes", node, "lxc", strconv.Itoa(ctid), "config"), body, nil)
	})
}

// CopyVolume copies a volume of a stopped container within a storage and returns the task. The
// copy takes the place of the original, which becomes an unused volume of the container. That
// frees a root file system: Proxmox gives none away that is in use. It is sent once.
func (c *Client) CopyVolume(ctx context.Context, node string, ctid int, key, storage string) (upid string, err error) {
	op := fmt.Sprintf("copy %s of container %d", key, ctid)
	err = unlocked(ctx, func() error {
		return c.begin(ctx, op, http.MethodPost, join("nodes", node, "lxc", strconv.Itoa(ctid), "move_volume"), map[string]any{"volume": key, "storage": storage}, &upid)
	})
	return upid, err
}

// GiveVolume makes an unused volume of one container an unused volume of another one on the
// same node, and returns the task. The volume gets the other container's name. It is sent once.
func (c *Client) GiveVolume(ctx context.Context, node string, from int, key string, to int, toKey string) (upid string, err error) {
	op := fmt.Sprintf("hand %s of container %d over to %d", key, from, to)
	body := map[string]any{"volume": key, "target-vmid": to, "target-volume": toKey}
	err = unlocked(ctx, func() error {
		return c.begin(ctx, op, http.MethodPost, join("nodes", node, "lxc", strconv.Itoa(from), "move_volume"), body, &upid)
	})
	return upid, err
}

var unusedKey = regexp.MustCompile(`^unused(\d+)$`)

// Unused are the unused volumes of a configuration by their keys.
func (c Config) Unused() map[string]string {
	out := map[string]string{}
	for k, v := range c.All {
		if unusedKey.MatchString(k) {
			out[k] = Properties(v)[""]
		}
	}
	return out
}

// FreeUnused are keys for n further unused volumes.
func (c Config) FreeUnused(n int) (keys []string) {
	for i := 0; len(keys) < n; i++ {
		if key := "unused" + strconv.Itoa(i); c.All[key] == "" {
			keys = append(keys, key)
		}
	}
	return keys
}

// Low are the raw LXC settings of a configuration, which the API shows and never sets: the
// user, the working directory and the stop signal of an OCI image are among them.
func (c Config) Low() string { return c.All["lxc"] }

// DataMounts are the paths of the mount points that are volumes: what is written there stays
// when the root file system is replaced.
func (c Config) DataMounts() (paths []string) {
	for i := range 256 {
		p := Properties(c.All["mp"+strconv.Itoa(i)])
		if p["mp"] != "" {
			paths = append(paths, p["mp"])
		}
	}
	return paths
}

// NotBackedUp are the paths of mount points on volumes that a backup of the container lacks.
func (c Config) NotBackedUp() (paths []string) {
	for i := range 256 {
		p := Properties(c.All["mp"+strconv.Itoa(i)])
		if p["mp"] != "" && p["backup"] != "1" && !strings.HasPrefix(p[""], "/") {
			paths = append(paths, p["mp"])
		}
	}
	return paths
}

// BackupStorage is a storage of the node that takes backups, "" if the login sees none.
func (c *Client) BackupStorage(ctx context.Context, node string) (string, error) {
	var stores []struct{ Storage, Content, Enabled, Active text }
	if err := c.get(ctx, "list the storages of node "+node, join("nodes", node, "storage"), &stores); err != nil {
		return "", err
	}
	for _, s := range stores {
		if s.Enabled != "0" && s.Active != "0" && slices.Contains(strings.Split(s.Content.String(), ","), "backup") {
			return s.Storage.String(), nil
		}
	}
	return "", nil
}

// Backup makes a backup of a container by vzdump and returns the task, whose log names the
// archive (see BackupArchive). A running container is suspended for a moment where the storage
// cannot snapshot; a stopped one stays stopped.
func (c *Client) Backup(ctx context.Context, node string, ctid int, storage, notes string) (upid string, err error) {
	op := fmt.Sprintf("back up container %d", ctid)
	body := map[string]any{"vmid": strconv.Itoa(ctid), "storage": storage, "mode": "suspend", "compress": "zstd", "notes-template": notes, "remove": 0}
	err = unlocked(ctx, func() error {
		return c.begin(ctx, op, http.MethodPost, join("nodes", node, "vzdump"), body, &upid)
	})
	return upid, err
}

// Restore makes a stopped container again from a backup, all its volumes on one storage, and
// returns the task. What it had is removed first.
func (c *Client) Restore(ctx context.Context, node string, ctid int, archive, storage string) (upid string, err error) {
	op := fmt.Sprintf("restore container %d", ctid)
	body := map[string]any{"vmid": strconv.Itoa(ctid), "ostemplate": archive, "storage": storage, "restore": 1, "force": 1}
	err = unlocked(ctx, func() error {
		return c.begin(ctx, op, http.MethodPost, join("nodes", node, "lxc"), body, &upid)
	})
	return upid, err
}

var backupLine = regexp.MustCompile(`creating vzdump archive '[^']*/([^'/]+)'`)

// BackupArchive is the archive that the log of a backup names, as a volume of the storage; ""
// if it names none.
func BackupArchive(storage string, log []string) string {
	for _, line := range log {
		if m := backupLine.FindStringSubmatch(line); m != nil {
			return storage + ":backup/" + m[1]
		}
	}
	return ""
}

// AwaitUnlocked waits until no task holds a container locked, and returns its configuration.
func (c *Client) AwaitUnlocked(ctx context.Context, node string, ctid int) (Config, error) {
	for {
		cfg, err := c.Config(ctx, node, ctid)
		if err != nil || cfg.Lock == "" {
			return cfg, err
		}
		if sleep(ctx, 500*time.Millisecond) != nil {
			return cfg, &Error{Kind: Timeout, Op: fmt.Sprintf("wait for container %d", ctid), Reason: "it is still locked (" + cfg.Lock + ")", Err: ctx.Err()}
		}
	}
}
