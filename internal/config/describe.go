package config

import (
	"reflect"
	"strings"
)

// Key is one setting of the config file, for help and documentation.
type Key struct {
	Path    string // such as hosts.NAME.ssh.node
	Kind    string // text, true or false, command, list
	Text    string
	Example string // the value, as YAML
}

// Keys lists every setting of the config file in the order of the file's types. Its texts
// come from keyTexts; a key without a text has an empty one, which a test refuses.
func Keys() []Key { return keysOf(reflect.TypeFor[file](), "") }

func keysOf(t reflect.Type, below string) []Key {
	var out []Key
	for i := range t.NumField() {
		f := t.Field(i)
		path := below + f.Tag.Get("yaml")
		switch f.Type.Kind() {
		case reflect.Struct:
			out = append(out, keysOf(f.Type, path+".")...)
			continue
		case reflect.Map:
			out = append(out, keysOf(f.Type.Elem().Elem(), path+".NAME.")...)
			continue
		}
		said := keyTexts[strings.TrimPrefix(path, "hosts.NAME.")]
		out = append(out, Key{Path: path, Kind: kindOf(f.Type), Text: said[0], Example: said[1]})
	}
	return out
}

func kindOf(t reflect.Type) string {
	if t == reflect.TypeFor[keyList]() {
		return "list"
	}
	switch t.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Slice:
		return "command"
	case reflect.Int, reflect.Int64:
		return "number"
	}
	return "text"
}

// keyTexts has the text and an example of every key; the keys of a host are without
// hosts.NAME.
var keyTexts = map[string][2]string{
	"version":                 {"The format of the file. Leave it out, or write 1; a newer format is refused by an older infrahaus.", "1"},
	"default_host":            {"The host that commands use without --host. With one host in the file it is not needed.", "homelab"},
	"publish":                 {"Mirror the events of every run to Redis, as --publish does for one run.", "true"},
	"redis.url":               {"The Redis for --publish and for watch. It alone switches nothing on.", "redis://localhost:6379"},
	"redis.url_file":          {"A file whose only line is that URL.", "~/.config/infrahaus/redis-url"},
	"redis.url_env":           {"The name of a variable with that URL.", "MY_REDIS"},
	"database":                {"The catalogue that several machines share: the URL of a PostgreSQL database, env:NAME of a variable with it, or a name below databases. Default: local, a file in the state folder.", "postgres://infrahaus@db.example.org/infrahaus?sslmode=verify-full"},
	"databases.NAME.url":      {"The URL of a PostgreSQL database, for database above and for database copy.", "postgres://infrahaus@db.example.org/infrahaus?sslmode=verify-full"},
	"databases.NAME.url_file": {"A file whose only line is that URL.", "~/.config/infrahaus/database-url"},
	"databases.NAME.url_env":  {"The name of a variable with that URL.", "DATABASE_URL"},
	"templates_root":          {"A folder of templates, searched after $XDG_CONFIG_HOME/infrahaus/templates.", "~/templates"},
	"config_repo_url":         {"A git repository that the config-manager in the guest pulls and applies at boot.", "https://git.example.org/ops/config.git"},
	"sandbox.pve":             {"The version of Proxmox VE that the sandbox plays: 8.4 or 9.2. Default: the one that it has; a new sandbox has 9.2.", "8.4"},

	"templates.git_host":          {"The server that gets the token below, host or host:port. No other server sees it, not even by a redirect.", "git.example.org"},
	"templates.git_token":         {"A token to fetch templates from git_host over https. One of the three below keeps it out of this file.", "glpat-0000"},
	"templates.git_token_file":    {"A file whose only line is that token.", "~/.config/infrahaus/git-token"},
	"templates.git_token_command": {"A command that prints the token, as token_command of a host.", "pass show git/infrahaus"},
	"templates.git_token_env":     {"The name of a variable with the token.", "CI_JOB_TOKEN"},
	"templates.require_signature": {"Create, resume and sync only from templates with a good signature by one of those below, or from those built in. What comes from elsewhere is not even shown without.", "true"},
	"templates.allowed_signers":   {"A file of ssh-keygen, a line each: PRINCIPAL [OPTIONS] KEYTYPE KEY. Who is in it may sign templates.", "allowed_signers"},
	"templates.minisign_keys":     {"Public keys of minisign that may sign templates: the line of minisign.pub that begins with RW.", "[RWSpXRF8rmkrz+nDTCBrcv9yiETX0kq6K4uqH5ESXIzPt9mxBb/qgLwg]"},

	"url":              {"The address of Proxmox's API. Without a port it is 8006.", "https://pve.example.org:8006"},
	"token":            {"An API token, user@realm!name=secret. One of token_file, token_command and token_env keeps it out of this file.", "infrahaus@pve!cli=00000000-0000-0000-0000-000000000000"},
	"token_file":       {"A file whose only line is the token.", "~/.config/infrahaus/token"},
	"token_command":    {"A command that prints the token, as words or as a list. It runs without a shell, for 30 s at most, and is refused where others may write this file.", "pass show proxmox/infrahaus"},
	"token_env":        {"The name of a variable with the token.", "HOMELAB_TOKEN"},
	"user":             {"A user with its realm, to log in by password instead of a token.", "root@pam"},
	"password":         {"The user's password. One of the three below keeps it out of this file.", "correct-horse"},
	"password_file":    {"A file whose only line is the password.", "~/.config/infrahaus/password"},
	"password_command": {"A command that prints the password, as token_command.", "pass show proxmox/root"},
	"password_env":     {"The name of a variable with the password.", "HOMELAB_PASSWORD"},
	"fingerprint":      {"The SHA-256 fingerprint of the host's certificate, as `pvenode cert info` on the node shows it. No other certificate is accepted then.", "AB:D0:F5:1A:3F:64:89:AE:D3:F8:1D:42:67:8C:B1:D6:FB:20:45:6A:8F:B4:D9:FE:23:48:6D:92:B7:DC:01:26"},
	"ca_file":          {"A file with the certificate authority that signed the host's certificate, such as the node's /etc/pve/pve-root-ca.pem.", "pve-root-ca.pem"},
	"insecure":         {"Accept every certificate. Whoever is between you and the host can then read the token; every run warns about it.", "true"},
	"node":             {"The node for new containers. It is needed only in a cluster where several nodes are online.", "pve1"},
	"storage":          {"The storage for new containers. Default: the one that suits a root disk best, thin volumes first.", "local-lvm"},
	"bridge":           {"The bridge for new containers. Default: the only bridge, else vmbr0.", "vmbr0"},
	"made_token":       {"The token that infrahaus init made on this host, so that host remove can offer to revoke it. Leave it to init.", "infrahaus@pve!laptop"},
	"ssh.transport":    {"The way into containers: auto, guest, node or api; see infrahaus help transports.", "auto"},
	"ssh.node":         {"SSH to the node, [user@]host[:port]: a way into containers that have no sshd. For a cluster it is an address with {node} in it, such as root@{node}.example.org, or NODE=ADDRESS,NODE=ADDRESS. Settings of ~/.ssh/config apply.", "root@pve.example.org"},
	"ssh.identity":     {"A private key for the node: its path, or its text.", "~/.ssh/id_ed25519"},
	"ssh.known_hosts":  {"The known_hosts file for the node. Default: your own.", "~/.ssh/known_hosts"},
	"ssh.jump":         {"An SSH server through which containers are reached, or node for the one of ssh.node.", "node"},
}

// Variable is an environment variable that the tool reads.
type Variable struct {
	Name    string
	Text    string
	Example string
	Key     string // the setting of the config file that it replaces, as in Key.Path
	Secret  bool
}

// Variables lists every environment variable that settings come from, in groups as people
// look for them. Where several name one setting, the first that is set counts.
func Variables() []Variable {
	return []Variable{
		{"INFRAHAUS_URL", "The address of Proxmox's API.", "https://pve.example.org:8006", "hosts.NAME.url", false},
		{"INFRAHAUS_TOKEN", "An API token, user@realm!name=secret.", "infrahaus@pve!cli=00000000-0000-0000-0000-000000000000", "hosts.NAME.token", true},
		{"INFRAHAUS_USER", "A user with its realm, to log in by password instead of a token.", "root@pam", "hosts.NAME.user", false},
		{"INFRAHAUS_PASSWORD", "The password of INFRAHAUS_USER.", "correct-horse", "hosts.NAME.password", true},
		{"INFRAHAUS_FINGERPRINT", "The SHA-256 fingerprint of the host's certificate.", "AB:D0:F5:1A:3F:64:89:AE:D3:F8:1D:42:67:8C:B1:D6:FB:20:45:6A:8F:B4:D9:FE:23:48:6D:92:B7:DC:01:26", "hosts.NAME.fingerprint", false},
		{"INFRAHAUS_CA_FILE", "A file with the certificate authority of the host's certificate.", "/etc/ssl/pve-root-ca.pem", "hosts.NAME.ca_file", false},
		{"INFRAHAUS_INSECURE", "Accept every certificate: true or false. Every run warns about it.", "true", "hosts.NAME.insecure", false},
		{"INFRAHAUS_NODE", "The node for new containers.", "pve1", "hosts.NAME.node", false},
		{"INFRAHAUS_SSH_TRANSPORT", "The way into containers: auto, guest, node or api.", "node", "hosts.NAME.ssh.transport", false},
		{"INFRAHAUS_SSH_NODE", "SSH to the node, [user@]host[:port].", "root@pve.example.org", "hosts.NAME.ssh.node", false},
		{"INFRAHAUS_SSH_IDENTITY", "A private key for the node: its path, or its text, so that a CI runner can bring its own.", "/run/secrets/id_ed25519", "hosts.NAME.ssh.identity", true},
		{"INFRAHAUS_SSH_KNOWN_HOSTS", "The known_hosts file for the node.", "/run/secrets/known_hosts", "hosts.NAME.ssh.known_hosts", false},
		{"INFRAHAUS_REDIS_URL", "The Redis for --publish. It alone switches nothing on.", "redis://localhost:6379", "redis.url", true},
		{"INFRAHAUS_DATABASE_URL", "The URL of the PostgreSQL database with the catalogue that several machines share.", "postgres://infrahaus@db.example.org/infrahaus?sslmode=verify-full", "database", true},
		{"INFRAHAUS_GIT_HOST", "The only server that gets INFRAHAUS_GIT_TOKEN, host or host:port.", "git.example.org", "templates.git_host", false},
		{"INFRAHAUS_GIT_TOKEN", "A token to fetch templates from INFRAHAUS_GIT_HOST over https.", "$CI_JOB_TOKEN", "templates.git_token", true},
		{"INFRAHAUS_STATE_DIR", "The folder of records, logs and the sandbox, as --state-dir.", "/srv/infrahaus", "", false},
		{"INFRAHAUS_ENCRYPTION_KEY", "The key that seals credentials, 64 hexadecimal digits, in place of the key file.", "$(cat /run/secrets/infrahaus-key)", "", true},

		{"PROXMOX_VE_ENDPOINT", "Read if INFRAHAUS_URL is not set.", "https://pve.example.org:8006", "hosts.NAME.url", false},
		{"PVE_HOST", "Read if neither INFRAHAUS_URL nor PROXMOX_VE_ENDPOINT is set.", "pve.example.org", "hosts.NAME.url", false},
		{"PROXMOX_VE_API_TOKEN", "Read if neither INFRAHAUS_TOKEN nor INFRAHAUS_PASSWORD is set.", "infrahaus@pve!cli=00000000-0000-0000-0000-000000000000", "hosts.NAME.token", true},
		{"PVE_ROOT_PASSWORD", "The password of root@pam, read if no other login is set.", "correct-horse", "hosts.NAME.password", true},
		{"REDIS_URL", "Read if INFRAHAUS_REDIS_URL is not set.", "redis://localhost:6379", "redis.url", true},
		{"TEMPLATES_ROOT", "A folder of templates, searched after your own templates.", "/srv/templates", "templates_root", false},
		{"CONFIG_REPO_URL", "A git repository that the config-manager in the guest pulls and applies at boot.", "https://git.example.org/ops/config.git", "config_repo_url", false},

		{"XDG_CONFIG_HOME", "The folder above the config folder infrahaus/. Default: ~/.config.", "/home/me/.config", "", false},
		{"XDG_STATE_HOME", "The folder above the state folder infrahaus/. Default: ~/.local/state.", "/home/me/.local/state", "", false},
		{"XDG_CACHE_HOME", "The folder above the cache folder infrahaus/: templates from elsewhere, and what completion has learned. Default: ~/.cache.", "/home/me/.cache", "", false},
		{"HOME", "Your home folder. Of use without those above, and for ~/.ssh.", "/home/me", "", false},
	}
}
