package node

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// haResource is the entry of a container in /cluster/ha/resources.
type haResource struct {
	State   string            `json:"state,omitempty"` // requested; "": started
	Options map[string]string `json:"options,omitempty"`
	added   time.Time         // by the true clock; the manager has reported nothing of it before its next round
}

// haOptions are the further keys of a resource. true: a number.
var haOptions = map[string]bool{"comment": false, "group": false, "max_relocate": true, "max_restart": true, "failback": true}

// haService reads ct:100, vm:100 or 100; mu held. Only containers exist here.
func (n *Node) haService(sid string) (*container, string, error) {
	kind, id, ok := strings.Cut(sid, ":")
	if !ok {
		kind, id = "ct", sid
	}
	vmid, err := strconv.Atoi(id)
	if err != nil {
		return nil, sid, fail("unable to parse service id '%s'", sid)
	}
	c := n.st.Containers[vmid]
	if !ok && c == nil {
		return nil, sid, fail("unable to detect SID from VMID - VM/CT %s does not exist", id)
	}
	if kind != "ct" {
		c = nil
	}
	return c, kind + ":" + id, nil
}

func (r *haResource) view(sid, digest string) map[string]any {
	m := map[string]any{"sid": sid, "type": "ct", "digest": digest}
	if r.State != "" {
		m["state"] = r.State
	}
	for k, v := range r.Options {
		m[k] = v
		if i, err := strconv.Atoi(v); err == nil && haOptions[k] {
			m[k] = i
		}
	}
	return m
}

// haDigest is of all resources; mu held.
func (n *Node) haDigest() string {
	var b strings.Builder
	for _, c := range n.sorted() {
		if c.HA != nil {
			fmt.Fprintf(&b, "ct:%d %v\n", c.VMID, *c.HA)
		}
	}
	sum := sha1.Sum([]byte(b.String()))
	return hex.EncodeToString(sum[:])
}

// HAResources is GET /cluster/ha/resources.
func (n *Node) HAResources(p Params) []map[string]any {
	n.mu.Lock()
	defer n.mu.Unlock()
	rows := []map[string]any{}
	for _, c := range n.sorted() {
		if c.HA != nil && p["type"] != "vm" {
			rows = append(rows, c.HA.view(fmt.Sprintf("ct:%d", c.VMID), n.haDigest()))
		}
	}
	return rows
}

// HAResource is GET /cluster/ha/resources/SID.
func (n *Node) HAResource(sid string) (map[string]any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, sid, err := n.haService(sid)
	if err != nil {
		return nil, err
	}
	if c == nil || c.HA == nil {
		return nil, fail("no such resource '%s'", sid)
	}
	return c.HA.view(sid, n.haDigest()), nil
}

// AddHA is POST /cluster/ha/resources.
func (n *Node) AddHA(p Params) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, sid, err := n.haService(p["sid"])
	kind, id, _ := strings.Cut(sid, ":")
	switch {
	case err != nil:
		return err
	case p["type"] != "" && p["type"] != kind:
		return fail("types does not match")
	case p["group"] != "" && n.prof.HARules:
		return fail("invalid parameter 'group': ha groups have been migrated to rules")
	case kind == "ct" && c == nil:
		return fail("unable to read CT config: CT %s does not exist", id)
	case c == nil:
		return fail("VM %s does not exist", id)
	case c.HA != nil:
		return fail("create resource failed: resource ID '%s' already defined", sid)
	}
	c.HA = &haResource{added: time.Now()}
	c.HA.set(p)
	n.manage(c.VMID)
	return n.save()
}

// state is the state that is asked for.
func (r *haResource) state() string {
	if r.State == "" {
		return "started"
	}
	return r.State
}

func (r *haResource) set(p Params) {
	if s := p["state"]; s != "" {
		r.State = map[string]string{"enabled": "started", "disabled": "stopped"}[s]
		if r.State == "" {
			r.State = s
		}
	}
	for k := range haOptions {
		if v, ok := p[k]; ok {
			if r.Options == nil {
				r.Options = map[string]string{}
			}
			r.Options[k] = v
		}
	}
	for _, k := range splitList(p["delete"]) {
		delete(r.Options, k)
		if k == "state" {
			r.State = ""
		}
	}
}

// ChangeHA is PUT /cluster/ha/resources/SID.
func (n *Node) ChangeHA(p Params) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, sid, err := n.haService(p["sid"])
	switch {
	case err != nil:
		return err
	case p["group"] != "" && n.prof.HARules:
		return fail("invalid parameter 'group': ha groups have been migrated to rules")
	case p["group"] != "":
		return fail("HA group '%s' does not exist", p["group"])
	case c == nil || c.HA == nil:
		return fail("no such resource '%s'", sid)
	}
	c.HA.set(p)
	n.manage(c.VMID)
	return n.save()
}

// RemoveHA is DELETE /cluster/ha/resources/SID.
func (n *Node) RemoveHA(sid string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	c, sid, err := n.haService(sid)
	if err != nil {
		return err
	}
	if c == nil || c.HA == nil {
		return fail("cannot delete service '%s', not HA managed!", sid)
	}
	c.HA = nil
	return n.save()
}

// manage is the manager's next round: it brings a resource into the state that was asked
// for. mu held.
func (n *Node) manage(vmid int) {
	n.workers.Go(func() {
		select {
		case <-n.life().Done():
			return
		case <-time.After(n.opt.HAPause):
		}
		n.mu.Lock()
		want, at := "ignored", n
		if c := n.st.Containers[vmid]; c != nil && c.HA != nil {
			want, at = c.HA.state(), n.home(c)
		}
		n.mu.Unlock()
		running := at.pid(vmid) != 0
		switch { // the tasks say how it went
		case want == "started" && !running:
			_, _ = at.startNow(at.life(), Root, vmid)
		case want == "stopped" && running:
			_, _ = at.shutdownNow(at.life(), Root, vmid, Params{"forceStop": "1"})
		}
	})
}

// asked records the state that start and stop requested from the manager.
func (n *Node) asked(vmid int, state string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if c := n.st.Containers[vmid]; c != nil && c.HA != nil {
		c.HA.State = state
		_ = n.save()
	}
}

// haManaged is the last step of a create with ha-managed.
func (n *Node) haManaged(w *worker, vmid int, started bool) {
	w.Log("Add as HA resource")
	state := "stopped"
	if started {
		state = "started"
	}
	if err := n.AddHA(Params{"sid": fmt.Sprintf("ct:%d", vmid), "state": state}); err != nil {
		w.Log(err.Error())
	}
}

// HAGroups is GET /cluster/ha/groups, which has become rules in version 9.
func (n *Node) HAGroups(verb string) ([]any, error) {
	if n.prof.HARules {
		return nil, fail("cannot %s: ha groups have been migrated to rules", verb)
	}
	if verb != "index groups" {
		return nil, &Error{Status: 501, Message: "the simulated node keeps no HA groups"}
	}
	return []any{}, nil
}
