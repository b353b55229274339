package cli

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/configmanager"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type syncOptions struct {
	app          *app
	vars         variableOptions
	unset        []string
	env          envOptions
	unsetEnv     []string
	packages     packageOptions
	take         string
	snapshot     string
	skipScripts  []string
	plan         bool
	exitCode     bool
	diff         bool
	all          bool
	restart      bool
	resources    resourceOptions
	rollback     bool
	yes          bool
	publish      bool
	passwordFile string
}

func newSyncCmd(a *app) *cobra.Command {
	o := &syncOptions{app: a}
	cmd := &cobra.Command{
		Use:   "sync <container>",
		Short: "Apply the template as it is now to a container that runs",
		Long: `Apply the template as it is now to a container that runs: settings on Proxmox that
differ; files that differ, by their policy; packages that are missing or of another
version than their pin; scripts that are new, have changed or failed. What is the
same is neither shipped nor touched, what the template no longer has is named and
left alone.

Settings are cores, CPU limit and weight, memory, swap, the disk and the volumes of
mount points (which only grow), hostname, tags, description, features, interfaces,
mount points, devices, pool, nameservers, search domain, start at boot and its order,
and the console. A value that create or an earlier sync was given stays (--memory
1024); whatever nobody gave follows the template. What neither asks for is left as
Proxmox has it. An interface, mount point or device that the template no longer has is
named and left, and a volume that is mounted is never replaced: it may hold data.

Hostname, features, nameservers, search domain, console, the options of a mount point,
an MTU, an address by DHCP, and before Proxmox VE 9 a device take effect when the
container is started next: --restart does that before files and scripts are applied,
because a script may need a feature that its template asks for. Where only root@pam may
set something (a feature other than nesting, a folder or a device of the node), pct on
the node does it (ssh.node); otherwise the sync is refused before its first change. The
OS template and unprivileged cannot be changed: the sync says so and leaves them.

A variable that nobody set follows the template's default. One that was set stays;
--unset lets it follow again. What was generated stays. In a container from an OCI image
they are its environment: --env and --unset-env change that, and it takes a restart.

What depends on a changed file, package or variable (notify in the template) is
restarted, reloaded or run again, once, after the checks of the files. A check that
fails puts the files back. A declared service that does not run is started.

A file that was edited in the container, or that a sync did not put there, is never
overwritten without a copy kept beside it. Where it was edited and the template has
changed it too, the sync is refused before anything is changed: --take guest keeps
the container's from then on, --take template writes the template's, also over what
was kept before.

Before it changes anything, Proxmox takes a snapshot where the storage can. It is
removed after success; after a failure, or where a declared service does not answer
any more, --rollback goes back to it: what was written in the container since is
lost, so it asks, and --yes is for scripts.` + exitStatuses(0, 1, 2, 3, 4, 5, 6, 7, 130, 143),
		Example: `  infrahaus sync web --plan
  infrahaus sync web --plan --diff
  infrahaus sync --all --plan --exit-code || echo differs
  infrahaus sync web --memory 1024 --nesting --restart
  infrahaus sync web --mount path=/srv/data,size=20
  infrahaus sync web
  infrahaus sync web --take template --snapshot always
  infrahaus sync web --rollback`,
		Args: exactArgs("one container"),
		RunE: func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args[0]) },
	}
	f := cmd.Flags()
	o.vars.register(f)
	f.StringArrayVar(&o.unset, "unset", nil, "let a template variable follow the template again, by `name`")
	o.env.register(f)
	f.StringArrayVar(&o.unsetEnv, "unset-env", nil, "of an image: take away a variable that --env gave, by `name`")
	o.packages.register(f)
	o.resources.register(cmd)
	choose(cmd, &o.take, "take", "", "whose `side` wins a conflict: %s", "template", "guest")
	choose(cmd, &o.snapshot, "snapshot", plan.SnapshotAuto, "`when` to take a snapshot first: %s", plan.SnapshotAuto, plan.SnapshotAlways, plan.SnapshotNever)
	f.StringArrayVar(&o.skipScripts, "skip-script", nil, "a template script not to run this time, by `name`")
	f.BoolVar(&o.plan, "plan", false, "show how the container differs, and touch nothing")
	f.BoolVar(&o.exitCode, "exit-code", false, "with --plan: end with status 7 if a sync would change something (not for what cannot be changed)")
	f.BoolVar(&o.diff, "diff", false, "with --plan: show how the files differ, line by line; secrets are masked")
	f.BoolVar(&o.all, allFlag, false, "every ready container of the host that has a template")
	f.BoolVar(&o.restart, "restart", false, "restart the container if a setting needs that")
	f.BoolVar(&o.rollback, "rollback", false, "go back to the snapshot that a failed sync has left")
	f.BoolVarP(&o.yes, "yes", "y", false, "with --rollback: do not ask")
	passwordFlag(f, &o.passwordFile)
	f.BoolVar(&o.publish, "publish", false, "mirror the events to Redis (redis.url in the config)")
	a.junitFlag(f)
	a.lockedFlag(f)
	cmd.ValidArgsFunction = a.completeContainers
	return a.enqueueFlags(cmd, "sync")
}

func (o *syncOptions) run(ctx context.Context, ref string) error {
	a := o.app
	if err := o.checkChoices(); err != nil {
		return err
	}
	c, err := a.findThere(ctx, ref)
	if err != nil {
		return err
	}
	if err := a.vault.Check(); err != nil {
		return err
	}
	if c.Lifecycle == lxc.Destroyed {
		return a.isGone(c)
	}
	if o.rollback {
		return o.goBack(ctx, c)
	}
	if err := a.mayGoOn(ctx, c); err != nil {
		return err
	}
	set, err := o.vars.read(a.in)
	if err != nil {
		return err
	}
	for _, name := range o.unset {
		if _, ok := set[name]; ok {
			return usagef("--set and --unset exclude each other for %s", name)
		}
	}
	m, err := a.rememberAnew(ctx, c, set, o.unset)
	if err != nil {
		return err
	}
	if err := a.useRootPassword(m, o.passwordFile); err != nil {
		return err
	}
	if err := checkSkips(m.Template, o.skipScripts); err != nil {
		return err
	}
	o.packages.apply(m)
	if err := o.resources.apply(m); err != nil {
		return err
	}
	if m.Spec, err = a.pinImages(m.Spec, m.Template); err != nil {
		return err
	}
	if err := o.changeEnv(m); err != nil {
		return err
	}
	m.SkipNow = o.skipScripts
	how := plan.SyncRequest{
		Take: o.take, Snapshot: o.snapshot, Removed: m.RemovedScripts(), Values: m.NewValues(),
		Changed: m.Changes() != nil || m.NewPackages() || m.NewSpec() || m.NewOrigins() || m.NewEnv(), Want: m.Spec, Was: m.Was(), Restart: o.restart,
	}
	if c.Image != nil {
		how.EnvGone = m.EnvGone(c.Image.Kind, m.EnvNames())
	}
	if o.plan {
		return o.report(ctx, c, m, how)
	}
	return o.sync(ctx, c, m, how)
}

// changeEnv adds what --env gives to the environment on record, and takes away what --unset-env
// names.
func (o *syncOptions) changeEnv(m *catalogue.Remembered) error {
	env, err := o.env.read(o.app.in)
	if err != nil {
		return err
	}
	if len(env)+len(o.unsetEnv) == 0 {
		return nil
	}
	now := map[string]string{}
	maps.Copy(now, m.Env)
	for _, name := range o.unsetEnv {
		if _, ok := now[name]; !ok {
			return usagef("--unset-env %s: no --env gave it", name).hint("given were: %s", orElse(strings.Join(slices.Sorted(maps.Keys(m.Env)), ", "), "none"))
		}
		if _, ok := env[name]; ok {
			return usagef("--env and --unset-env exclude each other for %s", name)
		}
		delete(now, name)
	}
	maps.Copy(now, env)
	m.Env = now
	return checkEnv(m.Job)
}

func (o *syncOptions) checkChoices() error {
	if o.rollback && o.plan {
		return usagef("--rollback and --plan exclude each other")
	}
	if o.exitCode && !o.plan {
		return usagef("--exit-code goes with --plan")
	}
	if o.diff && !o.plan {
		return usagef("--diff goes with --plan")
	}
	return o.packages.check()
}

func (o *syncOptions) sync(ctx context.Context, c lxc.Container, m *catalogue.Remembered, how plan.SyncRequest) error {
	return o.app.perform(ctx, c, request{
		verb: "sync", publish: o.publish, seals: true, carries: &m.Job,
		do: func(ctx context.Context, s *session) (provision.Result, error) {
			return s.run.Sync(ctx, o.request(c, m, how))
		},
	})
}

// request is what the engine is asked for.
func (o *syncOptions) request(c lxc.Container, m *catalogue.Remembered, how plan.SyncRequest) provision.SyncRequest {
	return provision.SyncRequest{Recorded: c, Job: m.Job, How: how, Anew: o.app.anewHints(m), Diff: o.diff}
}

// report is --plan.
func (o *syncOptions) report(ctx context.Context, c lxc.Container, m *catalogue.Remembered, how plan.SyncRequest) error {
	a := o.app
	s, err := a.rehearse(ctx, c)
	if err != nil {
		return err
	}
	known, err := a.recordOf(c).Known(ctx)
	if err != nil {
		return err
	}
	s.run.Bus.Secrets().Add(known...)
	report, err := s.run.PlanSync(ctx, o.request(c, m, how))
	if err != nil {
		return err
	}
	if err := o.show(c, report); err != nil {
		return err
	}
	a.ended = planned(report)
	if o.exitCode && report.Differs() {
		return silent{exit.Differs}
	}
	return nil
}

// driftDocument is what `sync --plan --json` prints: the container's name tells several apart.
type driftDocument struct {
	ContainerID string `json:"containerId"`
	Hostname    string `json:"hostname"`
	plan.Report
}

func (o *syncOptions) show(c lxc.Container, report plan.Report) error {
	a := o.app
	if a.global.json {
		return ui.WriteJSON(a.streams, driftDocument{c.RecordID, c.Hostname, report})
	}
	if err := ui.WriteTable(a.streams, driftTable(report)); err != nil {
		return err
	}
	if err := writeDiffs(a.streams, report.Diffs); err != nil {
		return err
	}
	if a.global.verbose {
		a.note("get inside " + report.Inside)
	}
	switch {
	case a.global.quiet:
	case len(report.Barred()) > 0:
		a.note("a sync would be refused: set INFRAHAUS_SSH_NODE, and the node sets it")
	case report.Busy != "":
		a.note("a sync would be refused: " + report.Busy + " still runs, and --restart would kill it")
	case len(report.Conflicts) > 0:
		a.note("a sync would be refused: say --take template or --take guest")
	case !report.Differs():
		a.note("nothing differs that a sync would change")
	}
	return nil
}

// driftTable shows a report as rows: kind, name, state, and what a sync would do.
func driftTable(p plan.Report) ui.Table {
	t := ui.Table{Columns: []ui.Column{
		{Title: "KIND", Keep: true}, {Title: "NAME", Keep: true}, {Title: "STATE", Keep: true, Paint: driftShade}, {Title: "SYNC WOULD", Keep: true},
	}}
	add := func(cells ...string) { t.Rows = append(t.Rows, cells) }
	does := map[configmanager.Effect]string{
		configmanager.Leave: "leave it", configmanager.Keep: "leave it, and remember that", configmanager.Write: "write it",
		configmanager.Backup: "keep a copy and write it", configmanager.Refuse: "be refused",
	}
	for _, s := range p.Settings {
		add("setting", s.Name, s.State(), p.Would(s))
	}
	for _, v := range p.Variables {
		add("variable", v.Name, v.State(), "use it")
	}
	for _, f := range p.Files {
		add("file", f.Target, string(f.State), does[f.Effect()])
	}
	for _, f := range p.Folders {
		state, what := string(f.State), map[configmanager.FolderState]string{
			configmanager.FolderSame: "leave it", configmanager.FolderMissing: "make it", configmanager.FolderOther: "change it",
		}[f.State]
		if f.State == configmanager.FolderOther {
			state += " (" + f.Actual + ")"
		}
		add("directory", f.Target, state, orElse(what, "be refused"))
	}
	for _, k := range p.Packages {
		what := "install it"
		if k.State == configmanager.PackageSame {
			what = "leave it"
		}
		state := string(k.State)
		if k.Have != "" && k.State != configmanager.PackageSame {
			state += " (" + k.Have + ")"
		}
		add("package", k.Manager+" "+k.Spec, state, what)
	}
	if p.Manager != "same" {
		add("config-manager", "files and packages", p.Manager, "go through them again")
	}
	scripts := map[string]string{"same": "leave it", "skipped": "leave it", "removed": "leave what it did", "running": "follow it"}
	for _, s := range p.Scripts {
		what := orElse(scripts[s.State], "run it")
		if s.Reason != "" {
			what += ": " + s.Reason
		}
		add("script", s.Name, s.State, what)
	}
	for _, n := range p.Notify {
		add("notify", n.Name, "depends on what changes", n.Do+" it")
	}
	for _, s := range p.Services {
		what := "look again"
		if len(s.Sync) > 0 {
			what = strings.Join(s.Sync, " and ") + " it"
		}
		add("service", s.Name, s.State, what)
	}
	return t
}

func driftShade(cell string) ui.Shade {
	switch cell {
	case "same", "running", string(configmanager.FileKept):
		return ui.Good
	case string(configmanager.FileConflict), string(configmanager.FileFolder), string(configmanager.FolderTaken), "failed", "not running", "not enabled":
		return ui.Bad
	}
	return ui.Caution
}
