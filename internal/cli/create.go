package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/template"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// createOptions are create's own flags. A number or switch that is not given leaves the
// template's value.
type createOptions struct {
	app  *app
	name string

	template     string
	vars         variableOptions
	env          envOptions
	spec         specOptions
	skipScripts  []string
	packages     []string
	ifExists     string
	onFailure    string
	plan         bool
	publish      bool
	noBake       bool
	passwordFile string // "": a random one
	many         manyCreates

	fleet  string // the name of the fleet that the container is made for
	placed string // the node that was chosen for it; "": as the spec says
	why    string // the reason for the node
	free   func() // of one of several containers: its create task has ended
}

func newCreateCmd(a *app) *cobra.Command {
	_, cmd := newCreate(a)
	return cmd
}

func newCreate(a *app) (*createOptions, *cobra.Command) {
	o := &createOptions{app: a}
	cmd := &cobra.Command{
		Use:   "create [NAME] --template T | --os OS | --image IMAGE",
		Short: "Make a container from a template: create, start, deploy, sync, discover",
		Long: `Make a container from a template in five phases: create it on Proxmox, start it,
deploy the config-manager and the template's files, sync (files, packages,
scripts), and discover its services, ports and credentials.

NAME is the hostname, a single label or a full name (web.lab.example.org). Without NAME,
it is the template's name with a short suffix.

With --os and without --template, the container is only its OS, with this tool's defaults
for its resources: sync, exec, cp and the others work on it as on any other.

With --image, it is made from an OCI image of a registry, which Proxmox VE 9.1 and
later pull.

With --if-exists ok, a NAME that is there and ready is taken as it is, and is started if
it is stopped; resume also goes on with one that is not ready. Both wait for a run that is
in progress on it. Both refuse, with the differences, a container that was made from
another template or with other resources or variables than the command line or the
template asks for, and one that Proxmox does not have any more.

With --count, several containers are made at once, each with a record and runs of its own:
NAME-1, NAME-2 and so on, or with the number in the place of %d in NAME (%02d: 01, 02).
At most --parallel are worked on at once, and at most --per-node create tasks run on a
node, because a node's disk is busy with one. One that fails does not stop the others, but
with --fail-fast no further one is begun. stdout has a row for each: name, ctid, result,
exit status and, after a failure, the reason; the exit status is the worst of all. What
was interrupted goes on with --if-exists resume.

Every check comes before the first change: a create that is refused leaves nothing.` +
			exitStatuses(0, 1, 2, 3, 4, 5, 6, 130, 143),
		Example: `  infrahaus create web --template nginx
  infrahaus create --template postgresql --set db_name=app --memory 1024
  infrahaus create box --os debian-13
  infrahaus create web --image nginx:1.29 --env TZ=Europe/Berlin
  infrahaus create web --template nginx --count 10 --parallel 4
  infrahaus create web --template ./my-template --ip 192.0.2.10/24,192.0.2.1 --plan`,
		Args: rangeArgs(0, 1, "one NAME at most"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 {
				o.name = args[0]
			}
			if o.many.file != "" {
				return o.createFleet(cmd)
			}
			if o.many.asked() {
				return o.createMany(cmd.Context())
			}
			return o.run(cmd.Context())
		},
	}
	f := cmd.Flags()
	f.StringVarP(&o.template, "template", "t", "", "the template: a `name`, a folder or an address; without one, --os is needed")
	o.vars.register(f)
	o.env.register(f)
	f.StringArrayVar(&o.skipScripts, "skip-script", nil, "a template script not to run, by `name`")
	f.StringArrayVar(&o.packages, "package", nil, "a further `package` to install")
	choose(cmd, &o.ifExists, "if-exists", "fail", "`what` to do if NAME is there already: %s", "fail", "resume", "ok")
	choose(cmd, &o.onFailure, "on-failure", "keep", "`what` becomes of a container that failed: %s", "keep", "destroy")
	f.BoolVar(&o.plan, "plan", false, "show what would happen and touch nothing")
	f.BoolVar(&o.publish, "publish", false, "mirror the events to Redis (redis.url in the config)")
	a.junitFlag(f)
	a.lockedFlag(f)
	f.BoolVar(&o.noBake, "no-bake", false, "use no image of template bake, even if there is one")
	f.StringVar(&o.passwordFile, "password-file", "", "root's password from the file at `path` (- is stdin) instead of a random one")
	o.spec.register(cmd)
	o.many.register(f)
	o.many.registerFleet(cmd)
	_ = cmd.RegisterFlagCompletionFunc("template", a.completeTemplates)
	return o, a.enqueueFlags(cmd, "create")
}

func (o *createOptions) run(ctx context.Context) error {
	want, err := o.wanted(ctx)
	if err != nil {
		return err
	}
	return o.carryOut(ctx, want)
}

// carryOut does what is wanted, or plans it.
func (o *createOptions) carryOut(ctx context.Context, want wanted) error {
	for {
		c, err := o.taken(ctx, want.job.Spec)
		switch {
		case err != nil:
			return err
		case c != nil && o.ifExists == "fail":
			return &store.NameTaken{Existing: *c}
		case c != nil && o.plan:
			return o.planExisting(ctx, *c, want)
		case c != nil:
			if free, err := o.exists(ctx, *c, want); err != nil || !free {
				return err
			}
			continue
		}
		ready, err := o.preflight(ctx, want.job)
		if err != nil {
			return err
		}
		if o.plan {
			return o.showPlan(ready)
		}
		err = o.make(ctx, ready)
		if o.ifExists == "fail" || !errors.As(err, new(*store.NameTaken)) { // another process was faster
			return err
		}
	}
}

// prepared is a create that has passed every check.
type prepared struct {
	job       plan.Job
	place     *place
	placement *pve.Placement
}

// make records the container and creates it.
func (o *createOptions) make(ctx context.Context, ready prepared) error {
	a := o.app
	if a.queue != nil {
		return a.queue.create(ctx, o, ready)
	}
	c, err := a.record(ctx, ready.place, ready.job, o.fleet)
	if err != nil {
		return err
	}
	return a.perform(ctx, c, request{
		verb: "create", publish: o.publish, at: ready.place,
		do: func(ctx context.Context, s *session) (provision.Result, error) {
			s.run.Passed = o.passed
			return s.run.Create(ctx, provision.CreateRequest{Job: ready.job, Placement: ready.placement, DestroyOnFailure: o.onFailure == "destroy"})
		},
	})
}

// newRecord makes the record of a new container, which is not kept yet. What it needs on this
// machine is made now: the keys and the catalogue, if there are none yet.
func (a *app) newRecord(ctx context.Context, at *place, job plan.Job, fleet string) (lxc.Container, error) {
	none := lxc.Container{}
	_, v, err := a.catalogue(ctx)
	if err != nil {
		return none, err
	}
	if err := v.Ready(); err != nil {
		return none, err
	}
	if err := a.mayEnter(ctx, at); err != nil {
		return none, err
	}
	hostID, err := a.enter(ctx, at)
	if err != nil {
		return none, err
	}
	return lxc.Container{
		RecordID: store.NewRecordID(), Host: at.name, HostID: hostID, Hostname: job.Spec.Hostname,
		Template: job.Template.Name, Fleet: fleet, Lifecycle: lxc.Creating,
	}, nil
}

// record puts a new container and its job on record.
func (a *app) record(ctx context.Context, at *place, job plan.Job, fleet string) (lxc.Container, error) {
	none := lxc.Container{}
	c, err := a.newRecord(ctx, at, job, fleet)
	if err != nil {
		return none, err
	}
	variables, doc, err := a.recordOf(c).JobEntries(job)
	if err != nil {
		return none, err
	}
	done := a.waiting(databaseFree, waitForDatabase)
	err = a.store.CreateWithJob(ctx, c, variables, doc)
	done()
	if err != nil {
		return none, err
	}
	a.actsOn(c)
	return c, nil
}

// passed is told of each phase that has ended well.
func (o *createOptions) passed(phase event.StepName) {
	if o.free != nil && phase == event.Creating {
		o.free()
	}
}

// wanted is what the command line asks for. It changes nothing.
func (o *createOptions) wanted(ctx context.Context) (wanted, error) {
	set, err := o.vars.read(o.app.in)
	if err != nil {
		return wanted{}, err
	}
	job, err := o.job(ctx, set)
	return wanted{job: job, given: o.spec.flags.Changed, set: set}, err
}

// job makes the job from the command line and the template. It changes nothing.
func (o *createOptions) job(ctx context.Context, set map[string]string) (plan.Job, error) {
	var job plan.Job
	cfg, err := o.app.config()
	if err != nil {
		return job, err
	}
	if err := o.checkChoices(); err != nil {
		return job, err
	}
	t, err := o.app.templateFor(ctx, o.template)
	if err != nil {
		return job, err
	}
	hostname := o.hostname(t)
	maker := &template.Maker{Random: vault.RandomText, Hostname: hostname}
	if o.plan {
		maker = nil
	}
	values, err := t.Resolve(set, maker)
	if err != nil {
		return job, o.variableError(err)
	}
	if _, err := t.DeclaredServices(values); err != nil {
		return job, o.variableError(err)
	}
	o.app.warnOf(t)
	spec, err := o.spec.apply(t.Spec())
	if err != nil {
		return job, err
	}
	spec.Hostname = hostname
	if err := pve.CheckSpec(spec); err != nil {
		return job, err
	}
	if spec, err = o.app.pinImages(spec, t); err != nil {
		return job, err
	}
	password, err := o.rootPassword()
	if err != nil {
		return job, err
	}
	job = plan.Job{
		Spec: spec, Template: t, Values: values, Skip: o.skipScripts, Packages: o.packages,
		ConfigRepoURL: cfg.ConfigRepoURL, Password: password, Given: o.spec.given(), NoBake: o.noBake,
	}
	if job.Env, err = o.env.read(o.app.in); err != nil {
		return job, err
	}
	if err := checkEnv(job); err != nil {
		return job, err
	}
	return job, checkSkips(t, o.skipScripts)
}

// variableError names the template as the user did, because a template's folder cannot be
// found by the name in its template.yaml.
func (o *createOptions) variableError(err error) error {
	var wrong *template.VariableError
	if !errors.As(err, &wrong) {
		return err
	}
	return usagef("%w", err).hint("%s", o.app.command("template", "show", o.template))
}

func (o *createOptions) checkChoices() error {
	if (o.template == "" || o.template == template.None) && o.spec.parts.os == "" && o.spec.parts.image == "" {
		return usagef("create needs --template, --os or --image").hint("to see the templates: %s", o.app.command("template", "list")).
			hint("for a container that is only its OS: %s", o.app.command("create", orElse(o.name, "box"), "--os", "debian-12"))
	}
	o.template = orElse(o.template, template.None)
	return checkPackages(o.packages)
}

// checkSkips refuses a script name that the template does not have. Otherwise a typing error
// would run the script that the user wants to leave out.
func checkSkips(t *template.Template, skip []string) error {
	for _, name := range skip {
		if !slices.ContainsFunc(t.Scripts, func(s template.Script) bool { return s.Name == name }) {
			var names []string
			for _, s := range t.Scripts {
				names = append(names, s.Name)
			}
			return usagef("template %s has no script %q", t.Name, name).hint("its scripts: %s", fmt.Sprint(names))
		}
	}
	return nil
}
