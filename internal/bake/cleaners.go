package bake

// cleaner removes what one package makes of its own when it is installed, and what containers
// must not share.
type cleaner struct {
	name string
	why  string
	has  string // a path that is there if the package is; a shell pattern
	// clean is shell text that runs in the container before it is packed. Its services have
	// stopped by then. $keep is a folder of the cleaner, for anew.
	clean string
	// anew is shell text that runs at the first start of each container, before any service, and
	// again if it was killed. "": the service itself makes it when it starts.
	anew string
}

// cleaners are in the order in which they run. A package that is not among them, and leaves a
// private key, is refused by checkKeys.
var cleaners = []cleaner{
	{
		name: "ssh", why: "host keys; Proxmox makes new ones at each create, and ssh-keygen where it does not",
		has:   "/etc/ssh",
		clean: `rm -f /etc/ssh/ssh_host_*`,
		anew: `for f in /etc/ssh/ssh_host_*_key; do [ ! -f "$f" ] || exit 0; done
command -v ssh-keygen >/dev/null 2>&1 || exit 0
ssh-keygen -A >/dev/null`,
	},
	{
		name: "ssl-cert", why: "the key of the snakeoil certificate",
		has:   "/etc/ssl/private/ssl-cert-snakeoil.key",
		clean: `rm -f /etc/ssl/private/ssl-cert-snakeoil.key /etc/ssl/certs/ssl-cert-snakeoil.pem`,
		anew:  `make-ssl-cert generate-default-snakeoil --force-overwrite`,
	},
	{
		name: "postgresql", why: "each cluster has a system identifier; its settings in /etc stay",
		has: "/etc/postgresql/*/*/postgresql.conf",
		clean: `for conf in /etc/postgresql/*/*/postgresql.conf; do
	dir=${conf%/*} version=${conf#/etc/postgresql/}
	version=${version%%/*} cluster=${dir##*/}
	data=/var/lib/postgresql/$version/$cluster
	[ -d "$data" ] || continue
	lc=$(sed -n "s/^lc_messages *= *'\([^']*\)'.*/\1/p" "$conf")
	# The encoding of template1, as its catalogue names it: 0 is SQL_ASCII, 6 is UTF8.
	enc=SQL_ASCII
	case $lc in *[Uu][Tt][Ff]*) enc=UTF8 ;; esac
	mkdir -p "$keep/$version/$cluster"
	printf '%s %s\n' "$enc" "${lc:-C}" >"$keep/$version/$cluster/locale"
	cp -a "$dir" "$keep/$version/$cluster/etc"
	rm -rf "$data" "$dir"
done`,
		// pg_createcluster has systemd reload its units, if it can. No service starts before release
		// has made sure of that.
		anew: `for d in "$keep"/*/*; do
	[ -d "$d/etc" ] || continue
	version=${d%/*} cluster=${d##*/}
	version=${version##*/}
	read -r enc locale <"$d/locale"
	rm -rf "/etc/postgresql/$version/$cluster" "/var/lib/postgresql/$version/$cluster"
	pg_createcluster --encoding "$enc" --locale "$locale" "$version" "$cluster" >/dev/null
	cp -a "$d/etc/." "/etc/postgresql/$version/$cluster/"
done`,
	},
	{
		name: "mariadb", why: "the database with its users and the server's own ids",
		has:   "/var/lib/mysql/mysql",
		clean: `for f in /var/lib/mysql/* /var/lib/mysql/.[!.]*; do case $f in */debian-*.flag) ;; *) rm -rf "$f" ;; esac; done`,
		anew: `find /var/lib/mysql -mindepth 1 ! -name 'debian-*.flag' -delete
mariadb-install-db --user=mysql --skip-test-db --auth-root-authentication-method=socket --rpm --cross-bootstrap --disable-log-bin >/dev/null`,
	},
	{
		name: "redis", why: "its data",
		has:   "/var/lib/redis",
		clean: `rm -rf /var/lib/redis/*`,
	},
	{
		name: "mosquitto", why: "the messages that it keeps",
		has:   "/var/lib/mosquitto",
		clean: `rm -f /var/lib/mosquitto/mosquitto.db*`,
	},
	{
		name: "rabbitmq", why: "the Erlang cookie, which lets nodes command each other, and the node's database",
		has:   "/var/lib/rabbitmq",
		clean: `rm -rf /var/lib/rabbitmq/.erlang.cookie /var/lib/rabbitmq/mnesia /var/lib/rabbitmq/erl_crash.dump /root/.erlang.cookie`,
		// The server and its tools start together, and each would make a cookie of its own. The
		// server starts before a create puts files there, so the name of its node is in the image.
		anew: `umask 077
od -An -tx1 -N20 /dev/urandom | tr -d ' \n' >/var/lib/rabbitmq/.erlang.cookie
chmod 0400 /var/lib/rabbitmq/.erlang.cookie
chown rabbitmq:rabbitmq /var/lib/rabbitmq/.erlang.cookie`,
	},
	{
		name: "samba", why: "the domain SID, machine secrets and users",
		has:   "/var/lib/samba",
		clean: `find /var/lib/samba /var/cache/samba -type f \( -name '*.tdb' -o -name '*.ldb' -o -name '*.dat' \) -exec rm -f {} +`,
	},
	{
		name: "docker", why: "the engine's id, its networks, and images that it has unpacked",
		has:   "/var/lib/docker",
		clean: `rm -rf /var/lib/docker/* /etc/docker/key.json`,
	},
	{
		name: "containerd", why: "its database and id",
		has:   "/var/lib/containerd",
		clean: `rm -rf /var/lib/containerd/*`,
	},
	{
		name: "caddy", why: "the id of the instance, and the keys of its own certificates",
		has:   "/var/lib/caddy",
		clean: `rm -rf /var/lib/caddy/.local /var/lib/caddy/.config`,
	},
	{
		name: "unbound", why: "the keys of unbound-control",
		has:   "/etc/unbound/unbound_server.key",
		clean: `rm -f /etc/unbound/unbound_server.* /etc/unbound/unbound_control.*`,
		anew:  `unbound-control-setup >/dev/null 2>&1`,
	},
	{
		name: "bind9", why: "the key of rndc",
		has:   "/etc/bind/rndc.key",
		clean: `rm -f /etc/bind/rndc.key`,
		anew:  `rndc-confgen -a -u bind >/dev/null 2>&1`,
	},
	{
		name: "prometheus", why: "its series",
		has:   "/var/lib/prometheus",
		clean: `find /var/lib/prometheus -mindepth 2 -delete`,
	},
	{
		name: "iscsi", why: "the initiator's name",
		has:   "/etc/iscsi/initiatorname.iscsi",
		clean: `rm -f /etc/iscsi/initiatorname.iscsi`,
		anew:  `printf 'InitiatorName=%s\n' "$(iscsi-iname)" >/etc/iscsi/initiatorname.iscsi`,
	},
	{
		name: "popularity-contest", why: "the host's id",
		has:   "/etc/popularity-contest.conf",
		clean: `sed -i '/^MY_HOSTID=/d' /etc/popularity-contest.conf`,
	},
}
