package schema

import "sync"

// Table returns every route of the simulated API in a major version of Proxmox VE, 8 or 9:
// method and path, as in "GET /nodes/{node}/lxc". It is parsed once; nobody may change it.
func Table(major int) map[string]Schema {
	if major >= 9 {
		return table9()
	}
	return table8()
}

var (
	table8 = sync.OnceValue(func() map[string]Schema { return read(8) })
	table9 = sync.OnceValue(func() map[string]Schema { return read(9) })
)

func read(major int) map[string]Schema {
	m := make(map[string]Schema, len(routes)+len(reads)+len(newRoutes))
	for _, all := range []map[string]string{routes, reads} {
		for k, text := range all {
			m[k] = parse(text, major)
		}
	}
	if major >= 9 {
		for k, text := range newRoutes {
			m[k] = parse(text, major)
		}
	}
	return m
}

const (
	onNode    = "node string format=node\n"
	onCT      = onNode + "vmid integer format=vmid min=100 max=999999999\n"
	onVM      = onCT + "* any\n" // its parameters are not checked: no virtual machine has any
	onStorage = onNode + "storage string format=storage-id\n"
	rrd       = "timeframe string enum=hour,day,week,month,year\ncf? string enum=AVERAGE,MAX\n"
	onTask    = onNode + "upid string\n"
	onUser    = "userid string format=userid max=64\n"
	onToken   = onUser + "tokenid string pattern=[A-Za-z][A-Za-z0-9._-]+\n"
	onRole    = "roleid string format=roleid\n"
	onPool    = "poolid string format=poolid\n"
	onSnap    = onCT + "snapname string format=configid max=40\n"
)

const (
	logLevels = "emerg,alert,crit,err,warning,notice,info,debug,nolog"
	fwOptions = "enable? boolean\nmacfilter? boolean\ndhcp? boolean\nndp? boolean\nradv? boolean\nipfilter? boolean\npolicy_in? string enum=ACCEPT,REJECT,DROP\n" +
		"policy_out? string enum=ACCEPT,REJECT,DROP\nlog_level_in? string enum=" + logLevels + "\nlog_level_out? string enum=" + logLevels +
		"\ndelete? string format=configid-list\ndigest? string max=64\n"
	fwRule = "macro? string max=128\niface? string min=2 max=20\nsource? string max=512\ndest? string max=512\nproto? string\nenable? integer min=0\nlog? string enum=" + logLevels +
		"\nsport? string\ndport? string\ncomment? string\nicmp-type? string\ndigest? string max=64\n"
	onRule          = "rule string format=configid\n"
	ruleChange      = "nodes? string\naffinity? string enum=positive,negative\nstrict? boolean\ndisable? boolean\ncomment? string max=4096\n"
	onStorageConfig = "storage string format=storage-id\ntype string enum=btrfs,cephfs,cifs,dir,esxi,iscsi,iscsidirect,lvm,lvmthin,nfs,pbs,rbd,zfs,zfspool\n"
	storageKeys     = "content? string format=content-list\nnodes? string format=node-list\ndisable? boolean\nshared? boolean\npath? string\nserver? string\nexport? string\n" +
		"vgname? string\nthinpool? string\npool? string\noptions? string\nmkdir? boolean\ncreate-base-path? boolean\ncreate-subdirs? boolean\nis_mountpoint? string\n" +
		"format? string\npreallocation? string\nprune-backups? string\nmax-protected-backups? integer\ncontent-dirs? string\nnocow? boolean\nsaferemove? boolean\n" +
		"saferemove_throughput? string\nbase? string\ntagged_only? boolean\nblocksize? string\nsparse? boolean\nmountpoint? string\nbwlimit? string\n"
)

const (
	onHA     = "sid string format=ha-resource\n"
	haChange = `
comment? string max=4096
failback? boolean since=9
group? string format=configid
max_relocate? integer min=0
max_restart? integer min=0
state? string enum=started,stopped,enabled,disabled,ignored
type? string enum=ct,vm
`
)

// datacenter are the keys of datacenter.cfg. Only next-id means something to the simulated
// cluster.
const datacenter = `
bwlimit? string
consent-text? string max=65536
console? string enum=applet,vv,html5,xtermjs
crs? string
delete? string format=configid-list
description? string max=65536
email_from? string
fencing? string enum=watchdog,hardware,both
ha? string
http_proxy? string
keyboard? string enum=de,de-ch,da,en-gb,en-us,es,fi,fr,fr-be,fr-ca,fr-ch,hu,is,it,ja,lt,mk,nl,no,pl,pt,pt-br,sv,sl,tr
language? string
location? string since=9
mac_prefix? string
max_workers? integer min=1
migration? string
migration_unsecure? boolean
next-id? string
notify? string
registered-tags? string
replication? string since=9
tag-style? string
u2f? string
user-tag-access? string
webauthn? string
`

const poolChange = `
allow-move? boolean
comment? string
delete? boolean
storage? string format=storage-id-list
vms? string format=vmid-list`

// config are the keys of a container's config. A line with since=9 or until=8 is of those
// versions alone.
const config = `
arch? string enum=amd64,i386,arm64,armhf,riscv32,riscv64
cmode? string enum=shell,console,tty
console? boolean
cores? integer min=1 max=8192
cpulimit? number min=0 max=8192
cpuunits? integer min=0 max=500000
debug? boolean
description? string max=8192
dev[n]? string last=255
entrypoint? string pattern=[^\x00-\x08\x0a-\x1F\x7F]+ since=9
env? string pattern=(\w+=[^\x00-\x08\x0a-\x1F\x7F]*)(\x00\w+=[^\x00-\x08\x0a-\x1F\x7F]*)* since=9
features? string parts=features
hookscript? string format=volume-id
hostname? string format=dns-name max=255
lock? string enum=backup,create,destroyed,disk,fstrim,migrate,mounted,rollback,snapshot,snapshot-delete
memory? integer min=16
mp[n]? string parts=mp default=volume last=255
nameserver? string format=ip-list
net[n]? string parts=net last=31
onboot? boolean
ostype? string enum=debian,devuan,ubuntu,centos,fedora,opensuse,archlinux,alpine,gentoo,nixos,unmanaged
protection? boolean
rootfs? string parts=rootfs default=volume
searchdomain? string format=dns-name-list
startup? string format=startup-order
swap? integer min=0
tags? string format=tag-list
template? boolean
timezone? string format=timezone
tty? integer min=0 max=6
unprivileged? boolean
unused[n]? string last=255
`

const volumeParts = `
volume string
acl? boolean
idmap? string pattern=(passthrough|[ug]:[0-9]+:[0-9]+:[1-9][0-9]*(;[ug]:[0-9]+:[0-9]+:[1-9][0-9]*)*) since=9
mountoptions? string pattern=(discard|lazytime|noatime|nodev|noexec|nosuid)(;(discard|lazytime|noatime|nodev|noexec|nosuid))*
quota? boolean
replicate? boolean
ro? boolean
shared? boolean
size? string format=disk-size
`

// parts are the schemas of property strings.
var parts = map[string]string{
	"features": `
force_rw_sys? boolean
fuse? boolean
keyctl? boolean
mknod? boolean
mount? string pattern=[a-zA-Z0-9_;\s]+
nesting? boolean
`,
	"mp":     volumeParts + "mp string\nbackup? boolean\nkeepattrs? boolean since=9\n",
	"rootfs": volumeParts,
	"net": `
name string pattern=[-_.\w\d]+
bridge? string pattern=[-_.\w\d]+
firewall? boolean
gw? string format=ipv4
gw6? string format=ipv6
host-managed? boolean since=9
hwaddr? string format=mac-addr
ip? string format=ipv4-config
ip6? string format=ipv6-config
link_down? boolean
mtu? integer min=64 max=65535
rate? number
tag? integer min=1 max=4094
trunks? string pattern=\d+(?:;\d+)*
type? string enum=veth
`,
}

var routes = map[string]string{
	"GET /version":       "",
	"GET /access/ticket": "",
	"POST /access/ticket": `
username string max=64
password string
realm? string max=32
otp? string
path? string max=64 requires=privs
privs? string max=64 requires=path
new-format? boolean
tfa-challenge? string`,
	"GET /access/permissions": "path? string\nuserid? string pattern=[^\\s:/]+@[A-Za-z][A-Za-z0-9._-]+(![A-Za-z][A-Za-z0-9._-]+)?",
	"GET /access/users":       "enabled? boolean\nfull? boolean",
	"POST /access/users": onUser + `
comment? string max=2048
email? string max=254
enable? boolean
expire? integer min=0
firstname? string max=1024
groups? string
keys? string pattern=[0-9a-zA-Z!=]*
lastname? string max=1024
password? string min=8 max=64`,
	"GET /access/users/{userid}":                  onUser,
	"DELETE /access/users/{userid}":               onUser,
	"GET /access/users/{userid}/token":            onUser,
	"GET /access/users/{userid}/token/{tokenid}":  onToken,
	"POST /access/users/{userid}/token/{tokenid}": onToken + "comment? string\nexpire? integer min=0\nprivsep? boolean",
	"PUT /access/users/{userid}/token/{tokenid}": onToken + `
comment? string
expire? integer min=0
privsep? boolean
regenerate? boolean since=9
delete? string format=configid-list since=9`,
	"DELETE /access/users/{userid}/token/{tokenid}": onToken,
	"GET /access/roles":                             "",
	"POST /access/roles":                            onRole + "privs? string",
	"GET /access/roles/{roleid}":                    onRole,
	"PUT /access/roles/{roleid}":                    onRole + "privs? string\nappend? boolean requires=privs",
	"DELETE /access/roles/{roleid}":                 onRole,
	"GET /access/acl":                               "",
	"PUT /access/acl": `
path string
roles string format=roleid-list
users? string format=userid-list
groups? string
tokens? string format=tokenid-list
propagate? boolean
delete? boolean`,
	"POST /access/tfa/{userid}": onUser + `
type string enum=totp,u2f,webauthn,recovery,yubico
description? string max=255
totp? string
value? string
challenge? string
password? string min=5 max=64`,
	"GET /":                                 "",
	"GET /cluster":                          "",
	"GET /access":                           "",
	"GET /nodes/{node}":                     onNode,
	"GET /nodes/{node}/lxc/{vmid}/status":   onCT,
	"GET /nodes/{node}/lxc/{vmid}/firewall": onCT,
	"GET /nodes/{node}/lxc/{vmid}/firewall/options":     onCT,
	"PUT /nodes/{node}/lxc/{vmid}/firewall/options":     onCT + fwOptions,
	"GET /nodes/{node}/lxc/{vmid}/firewall/rules":       onCT,
	"POST /nodes/{node}/lxc/{vmid}/firewall/rules":      onCT + "type string enum=in,out,forward,group\naction string min=2 max=20 pattern=[A-Za-z][A-Za-z0-9\\-\\_]+\npos? integer min=0\n" + fwRule,
	"GET /nodes/{node}/lxc/{vmid}/firewall/rules/{pos}": onCT + "pos integer min=0\n",
	"PUT /nodes/{node}/lxc/{vmid}/firewall/rules/{pos}": onCT + "pos integer min=0\nmoveto? integer min=0\ndelete? string format=configid-list\n" +
		"type? string enum=in,out,forward,group\naction? string min=2 max=20 pattern=[A-Za-z][A-Za-z0-9\\-\\_]+\n" + fwRule,
	"DELETE /nodes/{node}/lxc/{vmid}/firewall/rules/{pos}": onCT + "pos integer min=0\ndigest? string max=64\n",
	"GET /nodes/{node}/lxc/{vmid}/rrddata":                 onCT + rrd,
	"GET /nodes/{node}/rrddata":                            onNode + rrd,
	"GET /nodes/{node}/storage/{storage}/rrddata":          onStorage + rrd,
	"GET /nodes/{node}/storage/{storage}":                  onStorage,
	"POST /nodes/{node}/storage/{storage}/upload":          onStorage + "content string enum=iso,vztmpl,import\nfilename string max=255\nchecksum? string requires=checksum-algorithm\nchecksum-algorithm? string enum=md5,sha1,sha224,sha256,sha384,sha512 requires=checksum\ntmpfilename? string pattern=/var/tmp/pveupload-[0-9a-f]+",
	"POST /nodes/{node}/storage/{storage}/content": onStorage + "filename string\nvmid integer format=vmid min=100 max=999999999\n" +
		"size string pattern=\\d+[MG]?\nformat? string enum=raw,qcow2,subvol,vmdk requires=size\n",
	"GET /nodes/{node}/storage/{storage}/content/{volume}":    onNode + "storage? string format=storage-id\nvolume string",
	"DELETE /nodes/{node}/storage/{storage}/content/{volume}": onNode + "storage? string format=storage-id\nvolume string\ndelay? integer min=1 max=30",
	"POST /nodes/{node}/lxc/{vmid}/status/suspend":            onCT,
	"POST /nodes/{node}/lxc/{vmid}/status/resume":             onCT,
	"GET /nodes/{node}/version":                               onNode,
	"GET /nodes/{node}/network/{iface}":                       onNode + "iface string min=2 max=20",
	"GET /storage":                                            "type? string enum=btrfs,cephfs,cifs,dir,esxi,iscsi,iscsidirect,lvm,lvmthin,nfs,pbs,rbd,zfs,zfspool",
	"GET /storage/{storage}":                                  "storage string format=storage-id",
	"GET /cluster/tasks":                                      "",
	"GET /cluster/options":                                    "",
	"PUT /cluster/options":                                    datacenter,
	"GET /access/domains":                                     "",
	"GET /access/domains/{realm}":                             "realm string max=32",
	"GET /access/groups":                                      "",
	"GET /access/groups/{groupid}":                            "groupid string",

	"GET /nodes/{node}/qemu":                                     onNode + "full? boolean",
	"DELETE /nodes/{node}/qemu/{vmid}":                           onVM,
	"GET /nodes/{node}/qemu/{vmid}/config":                       onVM,
	"PUT /nodes/{node}/qemu/{vmid}/config":                       onVM,
	"POST /nodes/{node}/qemu/{vmid}/config":                      onVM,
	"GET /nodes/{node}/qemu/{vmid}/pending":                      onVM,
	"GET /nodes/{node}/qemu/{vmid}/snapshot":                     onVM,
	"GET /nodes/{node}/qemu/{vmid}/status/current":               onVM,
	"POST /nodes/{node}/qemu/{vmid}/clone":                       onVM,
	"POST /nodes/{node}/qemu/{vmid}/template":                    onVM,
	"POST /nodes/{node}/qemu/{vmid}/status/start":                onVM,
	"POST /nodes/{node}/qemu/{vmid}/status/stop":                 onVM,
	"POST /nodes/{node}/qemu/{vmid}/status/shutdown":             onVM,
	"POST /nodes/{node}/qemu/{vmid}/status/reboot":               onVM,
	"GET /nodes/{node}/qemu/{vmid}/agent/network-get-interfaces": onVM,

	"GET /pools":             "poolid? string format=poolid\ntype? string enum=qemu,lxc,storage requires=poolid",
	"POST /pools":            onPool + "comment? string",
	"PUT /pools":             onPool + poolChange,
	"DELETE /pools":          onPool,
	"GET /pools/{poolid}":    onPool + "type? string enum=qemu,lxc,storage",
	"PUT /pools/{poolid}":    onPool + poolChange,
	"DELETE /pools/{poolid}": onPool,

	"GET /cluster/ha":                    "",
	"GET /cluster/ha/resources":          "type? string enum=ct,vm",
	"POST /cluster/ha/resources":         onHA + haChange,
	"GET /cluster/ha/resources/{sid}":    onHA,
	"PUT /cluster/ha/resources/{sid}":    onHA + haChange + "delete? string format=configid-list max=4096\ndigest? string max=64\n",
	"DELETE /cluster/ha/resources/{sid}": onHA + "purge? boolean since=9\n",
	"GET /cluster/ha/groups":             "",

	"GET /cluster/ha/status":                "",
	"GET /cluster/ha/status/current":        "",
	"GET /cluster/ha/status/manager_status": "",
	"POST /cluster/ha/groups": "group string format=configid\nnodes string format=node-list\ncomment? string max=4096\n" +
		"nofailback? boolean\nrestricted? boolean\ntype? string enum=group",

	"GET /nodes":             "",
	"GET /cluster/status":    "",
	"GET /cluster/nextid":    "vmid? integer format=vmid min=100 max=999999999",
	"GET /cluster/resources": "type? string enum=vm,storage,node,sdn",

	"GET /nodes/{node}/status":            onNode,
	"GET /nodes/{node}/certificates/info": onNode,
	"GET /nodes/{node}/apt/versions":      onNode,
	"GET /nodes/{node}/network": onNode +
		"type? string until=8 enum=bridge,bond,eth,alias,vlan,OVSBridge,OVSBond,OVSPort,OVSIntPort,vnet,any_bridge,any_local_bridge\n" +
		"type? string since=9 enum=bridge,bond,eth,alias,vlan,fabric,OVSBridge,OVSBond,OVSPort,OVSIntPort,vnet,any_bridge,any_local_bridge,include_sdn",
	"GET /nodes/{node}/aplinfo": onNode,
	"POST /nodes/{node}/aplinfo": onNode + `
storage string format=storage-id
template string max=255`,

	"GET /nodes/{node}/storage": onNode + `
content? string format=content-list
enabled? boolean
format? boolean
storage? string format=storage-id
target? string format=node`,
	"GET /nodes/{node}/storage/{storage}/status": onNode + "storage string format=storage-id",
	"GET /nodes/{node}/storage/{storage}/content": onNode + `
storage string format=storage-id
content? string format=content
vmid? integer format=vmid min=100 max=999999999`,

	"GET /nodes/{node}/tasks": onNode + `
errors? boolean
limit? integer min=0
since? integer
source? string enum=archive,active,all
start? integer min=0
statusfilter? string
typefilter? string
until? integer
userfilter? string
vmid? integer format=vmid min=100 max=999999999`,
	"GET /nodes/{node}/tasks/{upid}":        onTask,
	"DELETE /nodes/{node}/tasks/{upid}":     onTask,
	"GET /nodes/{node}/tasks/{upid}/status": onTask,
	"GET /nodes/{node}/tasks/{upid}/log":    onTask + "start? integer min=0\nlimit? integer min=0\ndownload? boolean",

	"PUT /access/users/{userid}": onUser + `
append? boolean requires=groups
comment? string max=2048
email? string max=254
enable? boolean
expire? integer min=0
firstname? string max=1024
groups? string
keys? string pattern=[0-9a-zA-Z!=]*
lastname? string max=1024`,
	"PUT /access/password":      onUser + "password string min=8 max=64\nconfirmation-password? string min=5 max=64",
	"POST /storage":             onStorageConfig + storageKeys,
	"DELETE /storage/{storage}": "storage string format=storage-id\n",
	"PUT /storage/{storage}":    "storage string format=storage-id\ncontent? string format=content-list\ndisable? boolean\nnodes? string format=node-list\n",
	"PUT /nodes/{node}/storage/{storage}/content/{volume}": onNode + "storage? string format=storage-id\nvolume string\nnotes? string\nprotected? boolean",
	"POST /nodes/{node}/lxc/{vmid}/move_volume": onCT + `
volume string
storage? string format=storage-id
delete? boolean
digest? string max=40
bwlimit? number min=0
target-vmid? integer format=vmid min=100 max=999999999
target-volume? string
target-digest? string max=40`,
	"POST /nodes/{node}/lxc/{vmid}/migrate": onCT + `
target string format=node
target-storage? string
online? boolean
restart? boolean
timeout? integer
bwlimit? number min=0`,
	"POST /nodes/{node}/vzdump": `
node? string format=node
all? boolean
bwlimit? integer min=0
compress? string enum=0,1,gzip,lzo,zstd
dumpdir? string
exclude? string format=vmid-list
exclude-path? array
fleecing? string
ionice? integer min=0 max=8
job-id? string max=50 pattern=\S+
lockwait? integer min=0
mailnotification? string enum=always,failure
mailto? string
maxfiles? integer min=1 until=8
mode? string enum=snapshot,suspend,stop
notes-template? string max=1024 requires=storage
notification-mode? string enum=auto,legacy-sendmail,notification-system
notification-policy? string enum=always,failure,never until=8
notification-target? string format=configid until=8
pbs-change-detection-mode? string enum=legacy,data,metadata
performance? string
pigz? integer
pool? string
protected? boolean requires=storage
prune-backups? string
quiet? boolean
remove? boolean
script? string
stdexcludes? boolean
stdout? boolean
stop? boolean
stopwait? integer min=0
storage? string format=storage-id
tmpdir? string
vmid? string format=vmid-list
zstd? integer`,

	"GET /nodes/{node}/lxc": onNode,
	"POST /nodes/{node}/lxc": onCT + config + `
bwlimit? number min=0
force? boolean
ha-managed? boolean since=9
ignore-unpack-errors? boolean
ostemplate string max=255
password? string min=5
pool? string format=poolid
restore? boolean
ssh-public-keys? string
start? boolean
storage? string format=storage-id
unique? boolean requires=restore`,
	"GET /nodes/{node}/lxc/{vmid}": onCT,
	"DELETE /nodes/{node}/lxc/{vmid}": onCT + `
destroy-unreferenced-disks? boolean
force? boolean
purge? boolean`,
	"GET /nodes/{node}/lxc/{vmid}/config": onCT + "current? boolean\nsnapshot? string format=configid max=40",
	"PUT /nodes/{node}/lxc/{vmid}/config": onCT + config + `
delete? string
digest? string max=40
revert? string`,
	"POST /nodes/{node}/lxc/{vmid}/clone": onCT + `
newid integer format=vmid min=100 max=999999999
bwlimit? number min=0
description? string
full? boolean
hostname? string format=dns-name
pool? string format=poolid
snapname? string format=configid max=40
storage? string format=storage-id
target? string format=node`,
	"POST /nodes/{node}/lxc/{vmid}/template":                     onCT,
	"GET /nodes/{node}/lxc/{vmid}/feature":                       onCT + "feature string enum=snapshot,clone,copy\nsnapname? string format=configid max=40",
	"GET /nodes/{node}/lxc/{vmid}/snapshot":                      onCT,
	"POST /nodes/{node}/lxc/{vmid}/snapshot":                     onSnap + "description? string",
	"GET /nodes/{node}/lxc/{vmid}/snapshot/{snapname}":           onSnap,
	"DELETE /nodes/{node}/lxc/{vmid}/snapshot/{snapname}":        onSnap + "force? boolean",
	"GET /nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config":    onSnap,
	"PUT /nodes/{node}/lxc/{vmid}/snapshot/{snapname}/config":    onSnap + "description? string",
	"POST /nodes/{node}/lxc/{vmid}/snapshot/{snapname}/rollback": onSnap + "start? boolean",
	"GET /nodes/{node}/lxc/{vmid}/pending":                       onCT,
	"GET /nodes/{node}/lxc/{vmid}/interfaces":                    onCT,
	"GET /nodes/{node}/lxc/{vmid}/status/current":                onCT,
	"POST /nodes/{node}/lxc/{vmid}/status/start":                 onCT + "debug? boolean\nskiplock? boolean",
	"POST /nodes/{node}/lxc/{vmid}/status/stop":                  onCT + "overrule-shutdown? boolean\nskiplock? boolean",
	"POST /nodes/{node}/lxc/{vmid}/termproxy":                    onCT,
	"GET /nodes/{node}/lxc/{vmid}/vncwebsocket":                  onCT + "port integer min=5900 max=5999\nvncticket string max=512",
	"POST /nodes/{node}/lxc/{vmid}/status/shutdown": onCT + `
forceStop? boolean
timeout? integer min=0`,
	"POST /nodes/{node}/lxc/{vmid}/status/reboot": onCT + "timeout? integer min=0",
	"PUT /nodes/{node}/lxc/{vmid}/resize": onCT + `
digest? string max=40
disk string pattern=rootfs|mp\d+
size string pattern=\+?\d+(\.\d+)?[KMGT]?`,
}

// A repository of OCI images, and a tag behind it.
const (
	ociRepository = `(?:(?:[a-zA-Z\d]|[a-zA-Z\d][a-zA-Z\d-]*[a-zA-Z\d])(?:\.(?:[a-zA-Z\d]|[a-zA-Z\d][a-zA-Z\d-]*[a-zA-Z\d]))*(?::\d+)?/)?` +
		`[a-z\d]+(?:(?:[._]|__|[-]*)[a-z\d]+)*(?:/[a-z\d]+(?:(?:[._]|__|[-]*)[a-z\d]+)*)*`
	ociTag = `:\w[\w.-]{0,127}`
)

// newRoutes are those that came with version 9.
var newRoutes = map[string]string{
	"POST /nodes/{node}/storage/{storage}/oci-registry-pull": onStorage + "reference string pattern=" + ociRepository + ociTag + "\nfilename? string min=1 max=255",
	"GET /nodes/{node}/query-oci-repo-tags":                  onNode + "reference string pattern=" + ociRepository,
	"GET /cluster/ha/rules":                                  "resource? string\ntype? string enum=node-affinity,resource-affinity",
	"POST /cluster/ha/rules":                                 onRule + "type string enum=node-affinity,resource-affinity\nresources string\n" + ruleChange,
	"GET /cluster/ha/rules/{rule}":                           onRule,
	"PUT /cluster/ha/rules/{rule}":                           onRule + "type string enum=node-affinity,resource-affinity\nresources? string\ndelete? string format=configid-list max=4096\ndigest? string max=64\n" + ruleChange,
	"DELETE /cluster/ha/rules/{rule}":                        onRule,
}
