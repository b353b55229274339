package node

import (
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// haRule is a rule of the HA manager, which came with 9.0. The simulated manager keeps rules
// and does not follow them.
type haRule struct {
	ID        string   `json:"id"`
	Type      string   `json:"type"`
	Resources []string `json:"resources"`
	Nodes     []string `json:"nodes,omitempty"` // each NODE or NODE:PRIORITY
	Affinity  string   `json:"affinity,omitempty"`
	Strict    bool     `json:"strict,omitempty"`
	Disable   bool     `json:"disable,omitempty"`
	Comment   string   `json:"comment,omitempty"`
}

// haRuleKeys are what each type of a rule may have.
var haRuleKeys = map[string][]string{
	"node-affinity":     {"resources", "nodes", "strict", "disable", "comment"},
	"resource-affinity": {"resources", "affinity", "disable", "comment"},
}

var haNode = lazy.Regexp(`^([A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)(?::\d+)?$`)

func (n *Node) haRulesDigest() string {
	sum := sha1.Sum([]byte(fmt.Sprint(n.st.HARules)))
	return hex.EncodeToString(sum[:])
}

// haRuleView needs mu held.
func (n *Node) haRuleView(order int) map[string]any {
	r := n.st.HARules[order]
	m := map[string]any{"rule": r.ID, "type": r.Type, "resources": strings.Join(r.Resources, ","), "digest": n.haRulesDigest(), "order": order + 1}
	if r.Type == "node-affinity" {
		m["nodes"], m["strict"] = strings.Join(r.Nodes, ","), flag(r.Strict)
	} else {
		m["affinity"] = r.Affinity
	}
	if r.Disable {
		m["disable"] = 1
	}
	if r.Comment != "" {
		m["comment"] = r.Comment
	}
	return m
}

// HARules is GET /cluster/ha/rules.
func (n *Node) HARules(p Params) []map[string]any {
	n.mu.Lock()
	defer n.mu.Unlock()
	rows := []map[string]any{}
	for i, r := range n.st.HARules {
		if (p["type"] == "" || p["type"] == r.Type) && (p["resource"] == "" || slices.Contains(r.Resources, p["resource"])) {
			rows = append(rows, n.haRuleView(i))
		}
	}
	return rows
}

func (n *Node) haRule(id string) int {
	return slices.IndexFunc(n.st.HARules, func(r haRule) bool { return r.ID == id })
}

// HARule is GET /cluster/ha/rules/RULE.
func (n *Node) HARule(id string) (map[string]any, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	i := n.haRule(id)
	if i < 0 {
		return nil, fail("no such ha rule '%s'", id)
	}
	return n.haRuleView(i), nil
}

// AddHARule is POST /cluster/ha/rules.
func (n *Node) AddHARule(p Params) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := haRule{ID: p["rule"], Type: p["type"]}
	if err := r.set(p); err != nil {
		return err
	}
	required := map[string]string{"node-affinity": "nodes", "resource-affinity": "affinity"}[r.Type]
	if p[required] == "" {
		return fail("missing value for required option '%s'", required)
	}
	if n.haRule(r.ID) >= 0 {
		return fail("create ha rule failed: HA rule '%s' already defined", r.ID)
	}
	if err := n.haRuleNames(r, p); err != nil {
		return fail("create ha rule failed: %s", err)
	}
	if err := n.feasible(r, -1); err != nil {
		return err
	}
	n.st.HARules = append(n.st.HARules, r)
	return n.save()
}

// ChangeHARule is PUT /cluster/ha/rules/RULE.
func (n *Node) ChangeHARule(p Params) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if err := modified(n.haRulesDigest(), p["digest"]); err != nil {
		return fail("update HA rules failed: %s", err)
	}
	i := n.haRule(p["rule"])
	if i < 0 {
		return fail("update HA rules failed: HA rule '%s' does not exist", p["rule"])
	}
	r := n.st.HARules[i]
	if err := r.set(p); err != nil {
		return fail("update HA rules failed: %s", err)
	}
	if err := n.haRuleNames(r, p); err != nil {
		return fail("update HA rules failed: %s", err)
	}
	for _, key := range splitList(p["delete"]) {
		switch key {
		case "comment":
			r.Comment = ""
		case "disable":
			r.Disable = false
		case "strict":
			r.Strict = false
		case "resources", "nodes", "affinity":
			return fail("update HA rules failed: unable to delete required option '%s'", key)
		default:
			return fail("update HA rules failed: no such option '%s'", key)
		}
	}
	if err := n.feasible(r, i); err != nil {
		return err
	}
	n.st.HARules[i] = r
	return n.save()
}

// RemoveHARule is DELETE /cluster/ha/rules/RULE, of one that does not exist, too.
func (n *Node) RemoveHARule(id string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.st.HARules = slices.DeleteFunc(n.st.HARules, func(r haRule) bool { return r.ID == id })
	return n.save()
}

func (r *haRule) set(p Params) error {
	for _, key := range slices.Sorted(maps.Keys(p)) {
		if slices.Contains([]string{"rule", "type", "digest", "delete"}, key) {
			continue
		}
		if !slices.Contains(haRuleKeys[r.Type], key) {
			return fail("unexpected property '%s'", key)
		}
		switch v := p[key]; key {
		case "resources":
			r.Resources = nil
			for _, sid := range splitList(v) {
				if !strings.Contains(sid, ":") {
					sid = "ct:" + sid
				}
				r.Resources = append(r.Resources, sid)
			}
			slices.Sort(r.Resources)
			r.Resources = slices.Compact(r.Resources)
		case "nodes":
			r.Nodes = splitList(v)
			slices.Sort(r.Nodes)
		case "affinity":
			r.Affinity = v
		case "strict":
			r.Strict = p.bool(key)
		case "disable":
			r.Disable = p.bool(key)
		case "comment":
			r.Comment = v
		}
	}
	return nil
}

// haRuleNames checks the resources and nodes that a request names; mu held.
func (n *Node) haRuleNames(r haRule, p Params) error {
	if p["resources"] != "" {
		var none []string
		for _, sid := range r.Resources {
			if c, _, err := n.haService(sid); err != nil || c == nil || c.HA == nil {
				none = append(none, sid)
			}
		}
		if len(none) > 0 {
			return fail("cannot use unmanaged resource(s) %s.", strings.Join(none, ", "))
		}
	}
	var none []string
	for _, text := range r.Nodes {
		if m := haNode().FindStringSubmatch(text); p["nodes"] != "" && (m == nil || n.Peer(m[1]) == nil) {
			none = append(none, strings.Split(text, ":")[0])
		}
	}
	if len(none) > 0 {
		return fail("cannot use non-existent node(s) %s.", strings.Join(none, ", "))
	}
	return nil
}

// feasible is assert_feasibility, as far as one rule can be judged beside the others: not
// whether rules of both kinds contradict each other. at is the place of the rule, -1 for a new
// one; mu held.
func (n *Node) feasible(r haRule, at int) error {
	var wrong []string
	if r.Disable {
		return nil
	}
	switch r.Type {
	case "node-affinity":
		for _, sid := range r.Resources {
			for i, o := range n.st.HARules {
				if i != at && o.Type == r.Type && !o.Disable && slices.Contains(o.Resources, sid) {
					wrong = append(wrong, "resource '"+sid+"' is already used in another node affinity rule")
				}
			}
		}
	case "resource-affinity":
		if len(r.Resources) < 2 {
			wrong = append(wrong, "rule is ineffective as there are less than two resources")
		}
		if r.Affinity == "negative" && len(r.Resources) > len(n.nodes) {
			wrong = append(wrong, "rule defines more resources than available nodes")
		}
	}
	if len(wrong) == 0 {
		return nil
	}
	return &Error{Status: 400, Message: "Rule '" + r.ID + "' is invalid.", Params: map[string]string{"resources": strings.Join(wrong, ", ")}}
}
