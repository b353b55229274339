package cli

import "github.com/infrahaus/infrahaus/internal/transports"

// transportTexts has a text for each of transports.Names.
func transportTexts() map[string]string {
	return map[string]string{
		transports.Auto:  "The first of the three below that is there: guest where sshd answers, else node where ssh.node is set, else api. Only absence (no route, no sshd, nothing configured) leads to the next; a refused login or a changed host key ends the command.",
		transports.Guest: "The container's own sshd, with the key that infrahaus makes on first use and puts into each container it creates. It needs a route to the container and an sshd in it. It is the fastest.",
		transports.Node:  "SSH to the Proxmox node, and one `pct exec` there. It needs ssh.node, and root on the node or a user with the same rights. It needs no sshd and no network in the container.",
		transports.API:   "The container's console, as in Proxmox's web interface. It needs the API token alone, with VM.Console, and pve-container 5.3.4 on VE 8 or 6.1.3 on VE 9. It needs no sshd and no network in the container; it is the slowest.",
	}
}

func transportsTopic() Topic {
	ways := part{title: "Transports"}
	texts := transportTexts()
	for _, name := range transports.Names {
		ways.terms = append(ways.terms, term{name, texts[name], "ssh: {transport: " + name + "}"})
	}
	return Topic{Name: "transports", Short: "The ways into a container", parts: []part{
		{text: "`ssh.transport` in the config, or INFRAHAUS_SSH_TRANSPORT, chooses how infrahaus gets into a container. All three do the same; scripts run and are followed alike."},
		ways,
		{title: "SSH to the node", text: "Settings of `~/.ssh/config` apply, and the node's host key must be in known_hosts; `ssh root@pve.example.org` once puts it there. A key that changed is refused, whatever StrictHostKeyChecking says."},
		{title: "A password that infrahaus does not know", text: "The console asks for root's password. `create` made one and sealed it. If it was changed, or infrahaus did not make the container, give it once: `discover`, `resume` or `sync` with `--password-file FILE`."},
	}}
}

func recoveryTopic() Topic {
	return Topic{Name: "recovery", Short: "After a failure, a crash or a loss", parts: []part{
		{text: "Everything is on record before it is begun. Whatever dies (the link, the laptop, the node, the tool), `infrahaus list` knows, and one command goes on or cleans up."},
		{title: "A run that failed or was interrupted", terms: []term{
			{"infrahaus resume CONTAINER", "Goes on from the first thing that is not done. It follows what still runs, tries again what failed, and repeats nothing. With --plan it says what that is.", "infrahaus resume web"},
			{"infrahaus destroy CONTAINER", "Removes it: running, half made or gone already. It leaves alone what this catalogue did not make.", "infrahaus destroy web --yes"},
			{"infrahaus logs CONTAINER", "The output of the last run's scripts.", "infrahaus logs web"},
			{"infrahaus events CONTAINER", "What the runs did.", "infrahaus events web"},
		}},
		{title: "A sync that failed", text: "Where the storage can, Proxmox takes a snapshot before a sync. `infrahaus sync CONTAINER --rollback` goes back to it; it names the snapshot and asks first. Once begun, the same command finishes it."},
		{title: "A container that drifted", text: "`infrahaus sync CONTAINER --plan` lists what differs from the template: files, packages, scripts. A file that was edited in the container is never overwritten without a copy beside it; one that the template has changed too is refused until `--take template` or `--take guest` says whose it is."},
		{title: "Removed by hand on Proxmox", text: "`infrahaus list --check` asks Proxmox and marks what is gone, renamed, moved or somebody else's by now. `infrahaus destroy` takes what is gone off the record."},
		{title: "The database is lost", text: "`infrahaus recover --plan` shows which containers of the host carry a mark of infrahaus and are not on record; `infrahaus recover` makes their records again: name, ctid, template, and by a look inside services and credentials. The other sealed values, variables and logs are gone."},
		{title: "Backup", text: "Keep two folders, apart from each other: the state folder (`~/.local/state/infrahaus`, without `sandbox/`) has the records, the logs and the sealed credentials; the config folder (`~/.config/infrahaus`) has the key that opens them. With INFRAHAUS_ENCRYPTION_KEY the key is yours to keep.\n\n" + indented(`cp -a ~/.local/state/infrahaus /backup/state     # while no infrahaus runs
sqlite3 ~/.local/state/infrahaus/infrahaus.db ".backup /backup/infrahaus.db"   # at any time`)},
		{title: "Restore", text: "Copy the folders back; take `infrahaus.db-wal` along if it is there. A backup that is older than a `key rotate` needs the `key.old-*` of that time, which rotating never removes."},
		{title: "Upgrade and downgrade", text: "A newer infrahaus migrates the database when it first opens it, and leaves a copy beside it, `infrahaus.db.vN-….bak`. To go back to the older infrahaus, put the copy in its place."},
	}}
}
