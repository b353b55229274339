package node

import (
	"maps"
	"slices"
)

// rrdSteps are the seconds between two figures, 70 of which are shown.
var rrdSteps = map[string]int64{"hour": 60, "day": 1800, "week": 10800, "month": 43200, "year": 604800}

// rrd is a table of one figure for each step. Nothing was measured before the node's boot:
// those rows have the time alone, and all others the same figures.
func (n *Node) rrd(p Params, since int64, now map[string]any) []map[string]any {
	step := rrdSteps[p["timeframe"]]
	last := n.opt.Now().Unix() / step * step
	rows := []map[string]any{}
	for i := int64(69); i >= 0; i-- {
		at := last - i*step
		m := map[string]any{"time": at}
		if at+step > since {
			maps.Copy(m, now)
		}
		rows = append(rows, m)
	}
	return rows
}

// ContainerRRD is GET /lxc/ID/rrddata. Of an unknown id nothing was measured.
func (n *Node) ContainerRRD(vmid int, p Params) []map[string]any {
	n.mu.Lock()
	c := n.st.Containers[vmid]
	var now map[string]any
	since := n.opt.Now().Unix()
	if c != nil {
		st := n.status(c)
		now = figures(st, "maxmem", "maxdisk", "disk", "mem", "cpu", "netin", "netout", "diskread", "diskwrite")
		now["maxcpu"] = st["cpus"]
		since = c.Started.Unix()
	}
	n.mu.Unlock()
	return n.rrd(p, since, now)
}

func figures(from map[string]any, keys ...string) map[string]any {
	m := map[string]any{}
	for k, v := range from {
		if slices.Contains(keys, k) {
			m[k] = v
		}
	}
	return m
}

// NodeRRD is GET /nodes/NODE/rrddata.
func (n *Node) NodeRRD(p Params) []map[string]any {
	l := n.load1()
	return n.rrd(p, n.boot.Unix(), map[string]any{
		"cpu": l["cpu"], "maxcpu": l["maxcpu"], "memused": l["mem"], "memtotal": l["maxmem"], "rootused": l["disk"], "roottotal": l["maxdisk"],
		"loadavg": 0.1, "iowait": 0, "swaptotal": 0, "swapused": 0, "netin": 0, "netout": 0,
	})
}

// StorageRRD is GET /nodes/NODE/storage/STORAGE/rrddata.
func (n *Node) StorageRRD(p Params) ([]map[string]any, error) {
	s, err := n.StorageStatus(p["storage"])
	if err != nil {
		return nil, err
	}
	return n.rrd(p, n.boot.Unix(), figures(s, "total", "used")), nil
}
