package api_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/sandbox/api"
)

// A volume goes through its life, and every wrong request about it is refused as pve-container
// and pve-storage refuse it. Each row is what the rows before it have left.
func TestVolumes(t *testing.T) {
	f := serve(t, api.Options{})
	root := f.by("root@pam")
	const (
		ct    = "/nodes/pve1/lxc/100"
		conf  = ct + "/config"
		lvm   = "/nodes/pve1/storage/local-lvm/content"
		local = "/nodes/pve1/storage/local/content"
	)
	for _, id := range []string{"100", "101"} {
		if r := f.do(t, "POST", "/nodes/pve1/lxc", "vmid="+id+"&ostemplate=local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst&rootfs=local-lvm:1"); r.status != 200 {
			t.Fatal(r.status, r.reason)
		}
	}
	waitTasks(t, f.node)
	for _, tt := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"PUT", conf, "delete=nosuch", 400, `"delete":"unknown option 'nosuch'"`},
		{"PUT", conf, "delete=digest", 400, `"delete":"unknown option 'digest'"`},
		{"PUT", conf, "delete=cores&cores=2", 400, `"delete":"you can't use '-cores' and -delete cores' at the same time"`},
		{"PUT", conf, "revert=nosuch", 400, `"revert":"unknown option 'nosuch'"`},
		{"PUT", conf, "delete=memory", 500, "unable to delete required option 'memory'"},
		{"PUT", conf, "delete=unprivileged", 500, "unable to delete read-only option: 'unprivileged'"},
		{"PUT", conf, "delete=mp7", 200, `{"data":null}`}, // it has none
		{"PUT", conf, "unprivileged=1", 500, "unable to modify read-only option: 'unprivileged'"},
		{"PUT", conf, "ostype=alpine&arch=i386", 200, `{"data":null}`},
		{"GET", conf, "", 200, `"ostype":"alpine"`},
		{"PUT", conf, "description=", 200, `{"data":null}`},
		{"PUT", conf, "digest=x", 500, "no options specified"},

		{"POST", lvm, "vmid=100&filename=vm-100-data&size=2G", 200, `{"data":"local-lvm:vm-100-data"}`},
		{"POST", lvm, "vmid=100&filename=vm-100-data&size=2G", 500, `Logical Volume "vm-100-data" already exists in volume group "pve"`},
		{"POST", lvm, "vmid=100&filename=vm-101-data&size=2G", 500, "illegal name 'vm-101-data' - should be 'vm-100-*'"},
		{"POST", lvm, "vmid=100&filename=vm-100-x&size=2T", 400, `"size":"value does not match the regex pattern"`},
		{"POST", lvm, "vmid=100&filename=vm-100-x.qcow2&size=1G&format=raw", 400, `"format":"different storage formats (raw != qcow2)"`},
		{"POST", local, "vmid=100&filename=disk&size=1024", 500, "unable to parse volume filename 'disk'"},
		{"POST", local, "vmid=100&filename=vm-100-disk-0.qcow2&size=1024", 200, `{"data":"local:100/vm-100-disk-0.qcow2"}`},
		{"POST", local, "vmid=100&filename=vm-100-disk-0.qcow2&size=1024", 500, "disk image '/var/lib/vz/images/100/vm-100-disk-0.qcow2' already exists"},
		{"GET", local + "?vmid=100", "", 200, `"format":"qcow2","parent":null,"size":1048576`},
		{"PUT", conf, "mp0=local-lvm:vm-100-data,mp=/data", 200, `{"data":null}`},
		{"GET", conf, "", 200, `"mp0":"local-lvm:vm-100-data,mp=/data,size=2G"`},
		{"PUT", conf, "mp1=local:1,mp=/x", 500, "storage 'local' does not allow content type 'rootdir' (Container)"},
		{"PUT", conf, "mp1=nost:1,mp=/x", 500, "storage 'nost' does not exist"},

		{"PUT", ct + "/resize", "disk=mp0&size=2G", 500, "disk is already at specified size"},
		{"PUT", ct + "/resize", "disk=mp0&size=1G", 500, "unable to shrink disk size"},
		{"PUT", ct + "/resize", "disk=mp5&size=1G", 500, `"mp":"property is missing and it is not optional"`},
		{"PUT", ct + "/resize", "disk=mp0&size=3G&digest=da39", 500, "detected modified configuration - file changed by other user? Try again."},
		{"PUT", "/nodes/pve1/lxc/101/config", "mp0=local-lvm:vm-100-data,mp=/theirs", 200, `{"data":null}`},
		{"PUT", "/nodes/pve1/lxc/101/resize", "disk=mp0&size=3G", 500, "can't resize mount point owned by another container (100)"},
		{"PUT", "/nodes/pve1/lxc/101/config", "delete=mp0", 200, `{"data":null}`},
		{"PUT", "/nodes/pve1/lxc/101/config", "delete=unused0", 200, `{"data":null}`}, // its owner keeps it
		{"GET", lvm, "", 200, `"volid":"local-lvm:vm-100-data"`},

		{"POST", ct + "/move_volume", "volume=mp0", 400, `"storage":"both 'storage' and 'target-vmid' missing, either needs to be set"`},
		{"POST", ct + "/move_volume", "volume=mp0&storage=local", 200, `"data":"UPID:`}, // the task fails
		{"POST", ct + "/move_volume", "volume=mp0&target-vmid=101&target-digest=da39", 500, "Container 101: detected modified configuration"},
		{"POST", ct + "/move_volume", "volume=mp4&storage=local-lvm", 500, "format error"},

		{"PUT", conf, "protection=1", 200, `{"data":null}`},
		{"PUT", conf, "delete=mp0", 500, "can't remove CT 100 drive 'mp0' - protection mode enabled"},
		{"PUT", conf, "protection=0", 200, `{"data":null}`},
		{"PUT", conf, "delete=mp0", 200, `{"data":null}`},
		{"GET", conf, "", 200, `"unused0":"local-lvm:vm-100-data"`},
		{"PUT", conf, "delete=unused0", 200, `{"data":null}`},
		{"PUT", conf, "net0=name=eth0,bridge=vmbr9", 500, "bridge 'vmbr9' does not exist"},
		{"GET", conf, "", 200, "bridge=vmbr9"}, // it is written nevertheless
		{"PUT", conf, "delete=net0&mp0=local-lvm:vm-100-data,mp=/gone", 200, `{"data":null}`},
		{"PUT", ct + "/resize", "disk=mp0&size=3G", 500, "no such logical volume pve/vm-100-data"},
		{"DELETE", lvm + "/local-lvm:vm-100-none", "", 200, `:imgdel:local-lvm:`},
	} {
		form := url.Values{}
		for part := range strings.SplitSeq(tt.body, "&") {
			if k, v, given := strings.Cut(part, "="); given {
				form.Set(k, v)
			}
		}
		r := f.do(t, tt.method, tt.path, form.Encode(), root)
		if got := string(r.body) + r.reason; r.status != tt.status || !strings.Contains(got, tt.want) {
			t.Errorf("%s %s %s: %d %s %s", tt.method, tt.path, tt.body, r.status, r.reason, r.body)
		}
		waitTasks(t, f.node)
	}
	list := string(f.do(t, "GET", lvm, "", root).body)
	if strings.Contains(list, "vm-100-data") || strings.Count(list, `"volid"`) != 2 {
		t.Errorf("the storage has %s", list)
	}
	r := f.do(t, "POST", ct+"/status/start", "", root)
	waitTasks(t, f.node)
	tasks := string(f.do(t, "GET", "/nodes/pve1/tasks?limit=1", "", root).body)
	if r.status != 200 || !strings.Contains(tasks, "no such logical volume pve/vm-100-data") {
		t.Errorf("start: %d %s", r.status, tasks)
	}
}
