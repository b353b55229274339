package api

import (
	"slices"
	"strconv"
	"strings"
)

// indexes are the routes that list what is below them: a path, the key of each row, and the
// names. A name with /8 or /9 is of that version alone. Names below which the simulated
// node has nothing are in them, as on a genuine node; asking there is 501.
var indexes = []struct{ path, perm, key, names string }{
	{"/", "", "subdir", "version cluster nodes storage access pools"},
	{"/cluster", "", "name", "acme backup backup-info bulk-action/9 ceph config firewall ha jobs log mapping metrics notifications " +
		"nextid options qemu/9 replication resources sdn status tasks"},
	{"/cluster/config", "/ Sys.Audit", "name", "nodes totem join qdevice apiversion"},
	{"/cluster/firewall", "", "name", "aliases rules options groups ipset macros refs"},
	{"/cluster/jobs", "", "subdir", "schedule-analyze realm-sync"},
	{"/cluster/mapping", "", "name", "dir pci usb"},
	{"/cluster/metrics", "", "name", "server"},
	{"/cluster/sdn", "/sdn SDN.Audit", "id", "vnets zones controllers ipams dns fabrics/9"},
	{"/access/openid", "", "subdir", "auth-url login"},
	{"/cluster/ha", "/ Sys.Audit", "id", "status resources groups rules/9"},
	{"/cluster/ha/status", "", "name", "current manager_status disarm-ha/9 arm-ha/9"},
	{"/access", "", "subdir", "users groups roles acl domains openid tfa ticket password permissions"},
	{nodePath, "", "name", "aplinfo apt capabilities ceph certificates config disks dns firewall hardware hosts journal lxc migrateall " +
		"netstat network qemu query-oci-repo-tags/9 query-url-metadata replication report rrd rrddata scan sdn services spiceshell " +
		"startall status stopall storage subscription suspendall syslog tasks termproxy time version vncshell vzdump wakeonlan"},
	{nodePath + "/apt", "", "id", "changelog repositories update versions"},
	{nodePath + "/capabilities", "", "name", "qemu"},
	{nodePath + "/certificates", "", "name", "acme custom info"},
	{nodePath + "/disks", "", "name", "list initgpt smart lvm lvmthin directory wipedisk zfs"},
	{nodePath + "/firewall", "", "name", "rules options log"},
	{nodePath + "/hardware", "", "type", "pci usb"},
	{nodePath + "/services/{service}", "/nodes/{node} Sys.Audit", "subdir", "state start stop restart reload"},
	{ctPath, "", "subdir", "config pending status vncproxy termproxy vncwebsocket spiceproxy migrate clone initlog rrd rrddata firewall " +
		"snapshot resize interfaces"},
	{ctPath + "/status", "", "subdir", "current start stop shutdown reboot migrate"},
	{ctPath + "/firewall", "", "name", "rules aliases ipset options log refs"},
	{storPath, reads, "subdir", "content download-url file-restore import-metadata identity/9 oci-registry-pull/9 prunebackups rrd rrddata status upload"},
}

// index reports whether a route lists what is below it, which every node does for every other
// but for two.
func (r *route) index() bool {
	if r.path == nodePath+"/capabilities" || r.path == nodePath+"/disks" {
		return false
	}
	return r.method == "GET" && (r.path == taskPath || slices.ContainsFunc(indexes, func(x struct{ path, perm, key, names string }) bool { return x.path == r.path }))
}

func (s *Server) indexes() []route {
	var list []route
	for _, x := range indexes {
		rows := []map[string]any{}
		for word := range strings.FieldsSeq(x.names) {
			name, only, bound := strings.Cut(word, "/")
			if !bound || only == strconv.Itoa(s.node.Profile().Major) {
				rows = append(rows, map[string]any{x.key: name})
			}
		}
		list = append(list, route{"GET", x.path, x.perm, false, func(*call) (any, error) { return rows, nil }})
	}
	return list
}
