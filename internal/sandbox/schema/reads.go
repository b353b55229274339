package schema

const (
	logPage    = "start? integer min=0\nlimit? integer min=0\nsince? integer min=0\nuntil? integer min=0\n"
	onService  = onNode + "service string enum=" + Services + "\n"
	onJob      = "id string pattern=\\S+ max=50\n"
	onReplica  = "id string pattern=[1-9][0-9]{2,8}-\\d{1,9}\n"
	onCTAlias  = onCT + onAlias
	onAlias    = "name string min=2 max=64 pattern=[A-Za-z][A-Za-z0-9\\-\\_]+\n"
	onRulePos  = "pos integer min=0\n"
	onTFAUser  = onUser
	sdnLists   = "pending? boolean\nrunning? boolean\n"
	fwRefTypes = "type? string enum=alias,ipset\n"
	journalDay = `\d{4}-\d{2}-\d{2}(\x20\d{2}:\d{2}(:\d{2})?)?`
)

// Services are the services that a node is asked for.
const Services = "chrony,corosync,cron,ksmtuned,lxcfs,postfix,proxmox-firewall,pve-cluster,pve-firewall,pve-ha-crm,pve-ha-lrm," +
	"pve-lxc-syscalld,pvedaemon,pvefw-logger,pveproxy,pvescheduler,pvestatd,qmeventd,spiceproxy,sshd,syslog,systemd-journald,systemd-timesyncd"

// reads are requests for what a node and its cluster are, besides containers. Their schemas are
// taken from Proxmox's sources; none of them is among the recorded ones.
var reads = map[string]string{
	"GET /access/openid":                     "",
	"GET /access/tfa":                        "",
	"GET /access/tfa/{userid}":               onTFAUser,
	"GET /access/tfa/{userid}/{id}":          onTFAUser + "id string\n",
	"GET /access/users/{userid}/tfa":         onUser + "multiple? boolean\n",
	"GET /cluster/backup":                    "",
	"GET /cluster/backup/{id}":               onJob,
	"GET /cluster/ceph/status":               "",
	"GET /cluster/config":                    "",
	"GET /cluster/config/apiversion":         "",
	"GET /cluster/config/join":               "node? string format=node\n",
	"GET /cluster/config/nodes":              "",
	"GET /cluster/config/qdevice":            "",
	"GET /cluster/jobs":                      "",
	"GET /cluster/jobs/realm-sync":           "",
	"GET /cluster/log":                       "max? integer min=1\n",
	"GET /cluster/mapping":                   "",
	"GET /cluster/mapping/dir":               "check-node? string format=node\n",
	"GET /cluster/mapping/pci":               "check-node? string format=node\n",
	"GET /cluster/mapping/usb":               "check-node? string format=node\n",
	"GET /cluster/metrics":                   "",
	"GET /cluster/metrics/server":            "",
	"GET /cluster/sdn":                       "",
	"GET /cluster/sdn/vnets":                 sdnLists,
	"GET /cluster/sdn/zones":                 "type? string enum=evpn,faucet,qinq,simple,vlan,vxlan\n" + sdnLists,
	"GET /cluster/replication":               "",
	"GET /cluster/replication/{id}":          onReplica,
	"GET /nodes/{node}/apt":                  onNode,
	"GET /nodes/{node}/apt/update":           onNode,
	"GET /nodes/{node}/capabilities":         onNode,
	"GET /nodes/{node}/ceph/status":          onNode,
	"GET /nodes/{node}/certificates":         onNode,
	"GET /nodes/{node}/config":               onNode + "property? string\n",
	"GET /nodes/{node}/dns":                  onNode,
	"GET /nodes/{node}/hardware":             onNode,
	"GET /nodes/{node}/hardware/pci":         onNode + "pci-class-blacklist? string\nverbose? boolean\n",
	"GET /nodes/{node}/hardware/usb":         onNode,
	"GET /nodes/{node}/hosts":                onNode,
	"GET /nodes/{node}/netstat":              onNode,
	"GET /nodes/{node}/replication":          onNode + "guest? integer format=vmid min=100 max=999999999\n",
	"GET /nodes/{node}/report":               onNode,
	"GET /nodes/{node}/services":             onNode,
	"GET /nodes/{node}/subscription":         onNode,
	"GET /nodes/{node}/time":                 onNode,
	"GET /cluster/backup-info/not-backed-up": "",

	"GET /nodes/{node}/services/{service}":       onService,
	"GET /nodes/{node}/services/{service}/state": onService,
	"GET /nodes/{node}/syslog": onNode + "start? integer min=0\nlimit? integer min=0\nservice? string max=128\n" +
		"since? string pattern=" + journalDay + "\nuntil? string pattern=" + journalDay + "\n",

	"GET /nodes/{node}/disks":           onNode,
	"GET /nodes/{node}/disks/list":      onNode + "include-partitions? boolean\nskipsmart? boolean\ntype? string enum=unused,journal_disks\n",
	"GET /nodes/{node}/disks/smart":     onNode + "disk string pattern=/dev/[a-zA-Z0-9\\/]+\nhealthonly? boolean\n",
	"GET /nodes/{node}/disks/directory": onNode,
	"GET /nodes/{node}/disks/zfs":       onNode,

	"GET /cluster/firewall":                  "",
	"GET /cluster/firewall/aliases":          "",
	"GET /cluster/firewall/aliases/{name}":   onAlias,
	"GET /cluster/firewall/groups":           "",
	"GET /cluster/firewall/groups/{group}":   "group string min=2 max=18 pattern=[A-Za-z][A-Za-z0-9\\-\\_]+\n",
	"GET /cluster/firewall/ipset":            "",
	"GET /cluster/firewall/ipset/{name}":     onAlias,
	"GET /cluster/firewall/macros":           "",
	"GET /cluster/firewall/options":          "",
	"GET /cluster/firewall/refs":             fwRefTypes,
	"GET /cluster/firewall/rules":            "",
	"GET /cluster/firewall/rules/{pos}":      onRulePos,
	"GET /nodes/{node}/firewall":             onNode,
	"GET /nodes/{node}/firewall/log":         onNode + logPage,
	"GET /nodes/{node}/firewall/options":     onNode,
	"GET /nodes/{node}/firewall/rules":       onNode,
	"GET /nodes/{node}/firewall/rules/{pos}": onNode + onRulePos,

	"GET /nodes/{node}/lxc/{vmid}/firewall/aliases":        onCT,
	"GET /nodes/{node}/lxc/{vmid}/firewall/aliases/{name}": onCTAlias,
	"GET /nodes/{node}/lxc/{vmid}/firewall/ipset":          onCT,
	"GET /nodes/{node}/lxc/{vmid}/firewall/ipset/{name}":   onCTAlias,
	"GET /nodes/{node}/lxc/{vmid}/firewall/log":            onCT + logPage,
	"GET /nodes/{node}/lxc/{vmid}/firewall/refs":           onCT + fwRefTypes,
}
