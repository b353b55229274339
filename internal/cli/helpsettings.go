package cli

import (
	"strings"

	"github.com/infrahaus/infrahaus/internal/config"
)

// environmentTopic is made from the list of variables of package config; those of the
// display and of ssh are added here.
func environmentTopic() Topic {
	own := part{title: "Settings", text: "Each replaces a setting of the config file, if it has one. An empty variable counts as not set."}
	others := part{title: "Names of other tools", text: "Read where infrahaus's own name is not set, so that a shell or a CI job that is set up for another tool works as it is."}
	folders := part{title: "Folders"}
	for _, v := range config.Variables() {
		e := term{name: v.Name, text: v.Text, example: "export " + v.Name + "=" + shellWordUnlessCommand(v.Example)}
		if v.Key != "" {
			e.text += " In the config file: `" + v.Key + "`."
		}
		switch {
		case strings.HasPrefix(v.Name, "INFRAHAUS_"):
			own.terms = append(own.terms, e)
		case strings.HasPrefix(v.Name, "XDG_"), v.Name == "HOME":
			folders.terms = append(folders.terms, e)
		default:
			others.terms = append(others.terms, e)
		}
	}
	return Topic{Name: "environment", Short: "Environment variables", parts: []part{
		{text: "Settings come from flags, then the environment, then the config file, then defaults. A secret in a variable is seen by programs that you start from the same shell; the config file can name a file or a command instead (`infrahaus help config`).\n\nWith `--host NAME`, the address and the login of another host in the environment are left aside, so that a token never reaches a host that it is not for."},
		own, others, folders,
		{title: "Display and ssh", terms: []term{
			{"NO_COLOR", "Any text: no colours, as --no-color.", "export NO_COLOR=1"},
			{"CLICOLOR", "0: no colours.", "export CLICOLOR=0"},
			{"CLICOLOR_FORCE", "1: colours in a pipe, too.", "export CLICOLOR_FORCE=1"},
			{"ACCESSIBLE", "1: init asks line by line instead of in a form.", "export ACCESSIBLE=1"},
			{"TERM", "dumb: plain lines instead of the live display. Its colours decide ours.", "export TERM=xterm-256color"},
			{"COLORTERM", "What the terminal says of its colours.", "export COLORTERM=truecolor"},
			{"CI", "true: plain lines, and nothing is asked.", "export CI=true"},
			{"DISPLAY", "A desktop on which open shows a page; so is WAYLAND_DISPLAY.", "export DISPLAY=:0"},
			{"WAYLAND_DISPLAY", "The same.", "export WAYLAND_DISPLAY=wayland-0"},
			{"GITHUB_ACTIONS", "true: the output of each script is a group that folds, and cannot be a command to the runner.", "export GITHUB_ACTIONS=true"},
			{"GITLAB_CI", "true: the output of each script is a section that folds.", "export GITLAB_CI=true"},
			{"SSH_AUTH_SOCK", "The agent for SSH to the node and to git servers.", "export SSH_AUTH_SOCK=/run/user/1000/ssh-agent.sock"},
			{"USER", "Your name, where the system's list of users does not tell it.", "export USER=alice"},
		}},
		{title: "Traces", text: "Off unless one of the first two is set. A run is a trace with a span for each phase, script and long wait, sent as OTLP in JSON over HTTP when it has ended, and at the end of the command for two seconds at most. They have no values, no command lines and no output of scripts. The variables of OpenTelemetry's SDK for resources, sampling and batches (OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_BSP_SCHEDULE_DELAY and others) are read too.", terms: []term{
			{"OTEL_EXPORTER_OTLP_ENDPOINT", "The address of the collector; traces go to v1/traces below it.", "export OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:4318"},
			{"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "The whole address for traces. The others below have a form with TRACES_ too, which comes first.", "export OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=https://otel.example.org/v1/traces"},
			{"OTEL_EXPORTER_OTLP_HEADERS", "Headers for the collector, such as a token.", "export OTEL_EXPORTER_OTLP_HEADERS=api-key=TOKEN"},
			{"OTEL_EXPORTER_OTLP_TIMEOUT", "Milliseconds for a request; 10000 unless it is set.", "export OTEL_EXPORTER_OTLP_TIMEOUT=3000"},
			{"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip, or none.", "export OTEL_EXPORTER_OTLP_COMPRESSION=gzip"},
			{"OTEL_EXPORTER_OTLP_CERTIFICATE", "A file with the authority of the collector's certificate. OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and OTEL_EXPORTER_OTLP_CLIENT_KEY are files of our own.", "export OTEL_EXPORTER_OTLP_CERTIFICATE=/etc/ssl/otel-ca.pem"},
			{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/json, whatever it is set to; grpc is refused with a warning.", "export OTEL_EXPORTER_OTLP_PROTOCOL=http/json"},
			{"OTEL_SERVICE_NAME", "The name of the service; infrahaus unless it is set.", "export OTEL_SERVICE_NAME=infrahaus-ci"},
			{"OTEL_TRACES_EXPORTER", "none: no traces.", "export OTEL_TRACES_EXPORTER=none"},
			{"OTEL_SDK_DISABLED", "true: no traces.", "export OTEL_SDK_DISABLED=true"},
			{"TRACEPARENT", "The span of the program that starts infrahaus, such as a CI job: runs are below it.", "export TRACEPARENT=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
		}},
		{title: "In scripts of a template", text: "What setup scripts find in their environment is in `infrahaus help helpers`."},
	}}
}

// shellWordUnlessCommand quotes a value for a shell, unless it is a command substitution.
func shellWordUnlessCommand(s string) string {
	if strings.HasPrefix(s, "$(") {
		return `"` + s + `"`
	}
	return shellWord(s)
}

// configExample is a whole file; a test loads it.
const configExample = `default_host: homelab
hosts:
  homelab:
    url: https://pve.example.org:8006
    token_command: pass show proxmox/infrahaus
    fingerprint: AB:D0:F5:1A:3F:64:89:AE:D3:F8:1D:42:67:8C:B1:D6:FB:20:45:6A:8F:B4:D9:FE:23:48:6D:92:B7:DC:01:26
    storage: local-lvm
    ssh: {transport: auto, node: root@pve.example.org}
  office:
    url: https://10.0.0.5:8006
    user: ops@pve
    password_file: ~/.config/infrahaus/office-password
    ca_file: office-ca.pem
redis: {url: redis://localhost:6379}
`

func configTopic() Topic {
	keys := part{title: "Keys", text: "NAME is the name that you give to a host. A path that begins with ~/ is in your home folder; any other relative path starts at the folder of the config file."}
	for _, k := range config.Keys() {
		text := k.Text
		switch k.Kind {
		case "text":
		case "command":
			text += " Words, or a list of words."
		default:
			text += " It is " + k.Kind + "."
		}
		last := k.Path[strings.LastIndexByte(k.Path, '.')+1:]
		keys.terms = append(keys.terms, term{k.Path, text, last + ": " + k.Example})
	}
	return Topic{Name: "config", Short: "The config file and all its keys", parts: []part{
		{text: "The config file is `$XDG_CONFIG_HOME/infrahaus/config.yaml` (`~/.config/infrahaus/config.yaml`), or the one that `--config` names. It is not needed if the environment has the settings of one host. Flags come first, then the environment, then this file.\n\nAn unknown key is an error with its line, and the key that it most likely should be. A file that holds a secret should have the mode 0600.\n\n" + indented(configExample)},
		keys, filesPart(),
	}}
}

// filesPart says where the tool keeps its files.
func filesPart() part {
	return part{title: "Files", terms: []term{
		{"~/.config/infrahaus/config.yaml", "The config file.", ""},
		{"~/.config/infrahaus/key, key.old-*", "The key that seals credentials, and those that it has replaced. Without them, what is sealed is lost.", ""},
		{"~/.config/infrahaus/id_ed25519", "The tool's own SSH key, which create puts into containers.", ""},
		{"~/.config/infrahaus/templates/", "Your own templates, one folder each.", ""},
		{"~/.local/state/infrahaus/infrahaus.db", "The catalogue: containers, runs, events, sealed credentials.", ""},
		{"~/.local/state/infrahaus/runs/", "The output of scripts, one log file a run.", ""},
		{"~/.local/state/infrahaus/sandbox/", "The containers of the sandbox. Nothing else is in it, and `infrahaus sandbox reset` removes it.", ""},
		{"~/.cache/infrahaus/", "Names of nodes, storages and bridges, for completion. It may be removed at any time.", ""},
	}}
}

// indented makes a literal paragraph of a text.
func indented(text string) string {
	return literal + strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\n"+literal)
}
