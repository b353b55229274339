package node

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// backup is one archive that vzdump made. The root file system in it is a copy that the
// driver keeps under an id which no container can have.
type backup struct {
	Node      string            `json:"node,omitempty"` // where it was made; "": the first
	Volid     string            `json:"volid"`
	VMID      int               `json:"vmid"`
	Size      int64             `json:"size"`
	CTime     int64             `json:"ctime"`
	Conf      map[string]string `json:"conf"`
	OS        string            `json:"os,omitempty"`
	Systemd   int               `json:"systemd,omitempty"` // as of the container
	Notes     string            `json:"notes,omitempty"`
	Protected bool              `json:"protected,omitempty"`
	Copy      int               `json:"copy"` // the driver's id
}

// firstCopy is the first id of the driver's copies: a container's has nine digits at most.
const firstCopy = 2_000_000_000

func (b *backup) file() string { return b.Volid[strings.LastIndexByte(b.Volid, '/')+1:] }

func (b *backup) format() string {
	_, format, _ := strings.Cut(b.file(), ".")
	return format
}

func (b *backup) row() map[string]any {
	m := map[string]any{
		"volid": b.Volid, "content": "backup", "format": b.format(), "size": b.Size, "ctime": b.CTime, "vmid": b.VMID, "subtype": "lxc",
	}
	if b.Notes != "" {
		m["notes"] = b.Notes
	}
	if b.Protected {
		m["protected"] = 1
	}
	return m
}

// findBackup needs mu held.
func (n *Node) findBackup(volid string) *backup {
	i := slices.IndexFunc(n.st.Backups, func(b *backup) bool { return b.Volid == volid && n.has(b.Volid, b.Node) })
	if i < 0 {
		return nil
	}
	return n.st.Backups[i]
}

// backupRows are the rows of GET content. The caller sees a backup with VM.Backup on its
// container, or with Datastore.Allocate on the storage.
func (n *Node) backupRows(a Auth, storage, vmid string) []map[string]any {
	n.mu.Lock()
	all := slices.Clone(n.st.Backups)
	n.mu.Unlock()
	var rows []map[string]any
	for _, b := range all {
		if strings.HasPrefix(b.Volid, storage+":") && n.has(b.Volid, b.Node) && (vmid == "" || vmid == strconv.Itoa(b.VMID)) && n.mayUseBackup(a, storage, b.VMID) == nil {
			rows = append(rows, b.row())
		}
	}
	return rows
}

func (n *Node) mayUseBackup(a Auth, storage string, vmid int) error {
	if n.Check(a, "/storage/"+storage, "Datastore.Allocate") == nil {
		return nil
	}
	if err := n.CheckAny(a, "/storage/"+storage, "Datastore.AllocateSpace", "Datastore.Audit"); err != nil {
		return err
	}
	return n.Check(a, fmt.Sprintf("/vms/%d", vmid), "VM.Backup")
}

// backupOnly are parameters of vzdump that only root@pam or a login with Sys.Modify may set.
var backupOnly = map[string]string{"tmpdir": "", "dumpdir": "", "script": "", "bwlimit": "Sys.Modify", "ionice": "Sys.Modify", "performance": "Sys.Modify"}

// Backup is POST /nodes/NODE/vzdump: it makes archives of containers, one after another.
func (n *Node) Backup(a Auth, p Params) (string, error) {
	for key, priv := range backupOnly {
		if _, given := p[key]; !given || a.isRoot() {
			continue
		}
		if priv == "" || n.Check(a, "/", priv) != nil {
			return "", fail("Only root may set the option '%s'.", key)
		}
	}
	if p.bool("all") && p["vmid"] != "" {
		return "", badParam("all", "option conflicts with option 'vmid'")
	}
	if p["dumpdir"] != "" {
		return "", fail("the simulated node keeps backups on storages, not in %s", p["dumpdir"])
	}
	ids := n.toBackUp(a, p)
	storage := p["storage"]
	if storage == "" {
		storage = "local"
	}
	for _, id := range ids {
		if err := n.Check(a, fmt.Sprintf("/vms/%d", id), "VM.Backup"); err != nil {
			return "", err
		}
	}
	if err := n.Check(a, "/storage/"+storage, "Datastore.AllocateSpace"); err != nil {
		return "", err
	}
	if len(ids) == 0 {
		return "OK", nil
	}
	id := ""
	if len(ids) == 1 {
		id = strconv.Itoa(ids[0])
	}
	return n.fork(a, "vzdump", id, func(ctx context.Context, w *worker) error { return n.dump(ctx, w, ids, storage, p) })
}

// toBackUp are the containers that a request means.
func (n *Node) toBackUp(a Auth, p Params) (ids []int) {
	out := splitList(p["exclude"])
	for _, id := range splitList(p["vmid"]) {
		v, _ := strconv.Atoi(id)
		ids = append(ids, v)
	}
	if p["vmid"] != "" {
		return ids
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, c := range n.sorted() {
		if c.at() != n.name {
			continue
		}
		if p["pool"] != "" && c.Pool == p["pool"] || p.bool("all") || p["exclude"] != "" {
			if !slices.Contains(out, strconv.Itoa(c.VMID)) {
				ids = append(ids, c.VMID)
			}
		}
	}
	return ids
}

// dump is the vzdump worker.
func (n *Node) dump(ctx context.Context, w *worker, ids []int, storage string, p Params) error {
	n.mu.Lock()
	s, err := n.storage(storage)
	if err == nil && !s.holds("backup") {
		err = fail("can't use storage '%s' for backups - wrong content type", storage)
	}
	n.mu.Unlock()
	if err != nil {
		return fail("could not get storage information for '%s': %s", storage, err)
	}
	var words []string
	for _, key := range slices.Sorted(maps.Keys(p)) {
		if key != "node" && key != "vmid" {
			words = append(words, "--"+key+" "+p[key])
		}
	}
	list := strings.Trim(strings.Join(strings.Fields(fmt.Sprint(ids)), " "), "[]")
	w.Log(strings.TrimSpace("INFO: starting new backup job: vzdump " + list + " " + strings.Join(words, " ")))
	failed := false
	for _, id := range ids {
		began := n.opt.Now()
		w.Log(fmt.Sprintf("INFO: Starting Backup of VM %d (lxc)", id))
		w.Log("INFO: Backup started at " + began.UTC().Format(time.DateTime))
		if err := n.dumpOne(ctx, w, id, storage, p); err != nil {
			if ctx.Err() != nil {
				return fail("received interrupt")
			}
			failed = true
			w.Log(fmt.Sprintf("ERROR: Backup of VM %d failed - %s", id, err))
			w.Log("INFO: Failed at " + n.opt.Now().UTC().Format(time.DateTime))
			continue
		}
		took := n.opt.Now().Sub(began).Round(time.Second)
		w.Log(fmt.Sprintf("INFO: Finished Backup of VM %d (%s)", id, time.Time{}.Add(max(took, 0)).Format(time.TimeOnly)))
		w.Log("INFO: Backup finished at " + n.opt.Now().UTC().Format(time.DateTime))
	}
	if failed {
		w.Log("INFO: Backup job finished with errors")
		return fail("job errors")
	}
	w.Log("INFO: Backup job finished successfully")
	return nil
}

// dumpOne backs one container up. It is locked meanwhile. In the mode stop it is stopped,
// and started again.
func (n *Node) dumpOne(ctx context.Context, w *worker, vmid int, storage string, p Params) error {
	n.mu.Lock()
	c := n.st.Containers[vmid]
	if c == nil {
		n.mu.Unlock()
		return fail("unable to find VM '%d'", vmid)
	}
	if err := c.checkLock(); err != nil {
		n.mu.Unlock()
		return err
	}
	running, b := n.pid(vmid) != 0, n.newBackup(c, storage, p)
	c.Conf["lock"] = "backup"
	_ = n.save()
	n.mu.Unlock()
	defer n.unlockBackup(vmid)
	mode := n.dumpMode(w, c, b, running, p["mode"])
	if mode == "stop" && running {
		w.Log("INFO: stopping virtual guest")
		if err := n.drv.Shutdown(ctx, vmid); err != nil {
			return fail("%v", err)
		}
		n.stopped(vmid)
	}
	w.Log("INFO: creating vzdump archive '/var/lib/vz/dump/" + b.file() + "'")
	n.mu.Lock()
	cfg := n.driverConfig(c)
	n.mu.Unlock()
	cfg.VMID = b.Copy
	for key, value := range b.Conf {
		if !numbered(key, "mp") {
			continue
		}
		if _, in := maps.Collect(inBackup(b.Conf))[key]; !in {
			cfg.Without = append(cfg.Without, properties(value, "volume")["mp"])
		}
	}
	err := n.drv.Clone(ctx, vmid, "", cfg)
	if mode == "stop" && running {
		w.Log("INFO: restarting vm")
		n.unlockBackup(vmid)
		if again := n.start(ctx, w, vmid); err == nil {
			err = again
		}
	}
	if err != nil {
		return fail("%v", err)
	}
	w.Log(fmt.Sprintf("INFO: Total bytes written: %d (%dMiB, 51MiB/s)", b.Size*2, b.Size>>19))
	w.Log(fmt.Sprintf("INFO: archive file size: %dMB", b.Size>>20))
	n.mu.Lock()
	n.st.Backups = append(n.st.Backups, b)
	err = n.save()
	n.mu.Unlock()
	if err != nil {
		return err
	}
	return n.pruneBackups(ctx, w, vmid, storage, p)
}

// dumpMode decides in which mode a container is backed up and logs it, in the order of
// exec_backup_task: where a storage cannot make a snapshot, the guest is frozen instead.
func (n *Node) dumpMode(w *worker, c *container, b *backup, running bool, mode string) string {
	w.Log("INFO: status = " + map[bool]string{true: "running", false: "stopped"}[running])
	switch {
	case !running:
		mode = "stop"
	case mode == "":
		mode = "snapshot"
	}
	prepare := func() {
		w.Log("INFO: CT Name: " + b.Conf["hostname"])
		for _, line := range dumped(b.Conf) {
			w.Log("INFO: " + line)
		}
	}
	if mode == "snapshot" {
		prepare()
		n.mu.Lock()
		can := n.canSnapshot(maps.Collect(inBackup(b.Conf)))
		n.mu.Unlock()
		if !can {
			w.Log("INFO: mode failure - some volumes do not support snapshots")
			w.Log("INFO: trying 'suspend' mode instead")
			mode = "suspend"
		}
	}
	w.Log("INFO: backup mode: " + mode)
	w.Log("INFO: ionice priority: 7")
	if mode == "snapshot" {
		w.Log("INFO: create storage snapshot 'vzdump'")
		return mode
	}
	prepare()
	if mode == "suspend" {
		w.Log("INFO: suspending guest")
		w.Log("INFO: resuming guest")
	}
	return mode
}

// inBackup are the volumes that a backup has, by key.
func inBackup(conf map[string]string) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for key, value := range conf {
			p := properties(value, "volume")
			in := key == "rootfs" || numbered(key, "mp") && p["backup"] == "1" && !strings.HasPrefix(p["volume"], "/")
			if in && !yield(key, value) {
				return
			}
		}
	}
}

// dumped says which volumes a backup has: a mount point's only with backup=1.
func dumped(conf map[string]string) (lines []string) {
	for _, key := range slices.Sorted(maps.Keys(conf)) {
		p := properties(conf[key], "volume")
		switch {
		case key == "rootfs":
			lines = slices.Insert(lines, 0, "including mount point rootfs ('/') in backup")
		case !numbered(key, "mp"):
		case strings.HasPrefix(p["volume"], "/dev/"):
			lines = append(lines, fmt.Sprintf("excluding device mount point %s ('%s') from backup (not a volume)", key, p["mp"]))
		case strings.HasPrefix(p["volume"], "/"):
			lines = append(lines, fmt.Sprintf("excluding bind mount point %s ('%s') from backup (not a volume)", key, p["mp"]))
		case p["backup"] == "1":
			lines = append(lines, fmt.Sprintf("including mount point %s ('%s') in backup", key, p["mp"]))
		default:
			lines = append(lines, fmt.Sprintf("excluding volume mount point %s ('%s') from backup (disabled)", key, p["mp"]))
		}
	}
	return lines
}

func (n *Node) unlockBackup(vmid int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.st.Containers[vmid]; c != nil && c.Conf["lock"] == "backup" {
		delete(c.Conf, "lock")
		_ = n.save()
	}
}

// newBackup describes the archive to come; mu held. It is about as large as the OS template
// that the container was made of.
func (n *Node) newBackup(c *container, storage string, p Params) *backup {
	now := n.opt.Now()
	ext := map[string]string{"zstd": ".zst", "gzip": ".gz", "1": ".lzo", "lzo": ".lzo"}[p["compress"]]
	b := &backup{
		Node: n.mark(),
		VMID: c.VMID, CTime: now.Unix(), Conf: maps.Clone(c.Conf), OS: c.OS, Systemd: c.Systemd, Notes: p["notes-template"], Protected: p.bool("protected"), Size: 120 << 20, Copy: firstCopy,
	}
	delete(b.Conf, "lock")
	b.Notes = strings.NewReplacer("{{guestname}}", b.Conf["hostname"], "{{node}}", n.name, "{{vmid}}", strconv.Itoa(c.VMID), "{{cluster}}", "", `\n`, "\n").Replace(b.Notes)
	for _, t := range n.st.Templates {
		if t.File() == c.OS {
			b.Size = max(t.Size, 1<<20)
		}
	}
	for _, other := range n.st.Backups {
		b.Copy = max(b.Copy, other.Copy+1)
	}
	for ; b.Volid == "" || n.findBackup(b.Volid) != nil; now = now.Add(time.Second) { // a file a second
		b.Volid = fmt.Sprintf("%s:backup/vzdump-lxc-%d-%s.tar%s", storage, c.VMID, now.UTC().Format("2006_01_02-15_04_05"), ext)
	}
	return b
}
