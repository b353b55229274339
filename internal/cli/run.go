package cli

import (
	"context"
	"errors"
	"strings"
	"time"
	"unicode"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// session is one run and the sinks of its events.
type session struct {
	app       *app
	run       *provision.Run
	record    *catalogue.Record // nil: nothing is recorded
	display   ui.Display
	mirror    *store.Mirror
	container lxc.Container
	place     *place // nil until the run connects, unless the command has connected
	began     time.Time
	runID     string
}

// databaseFree names the cause if a write to the catalogue has to wait.
const databaseFree = "the database, which another process uses"

// waitForDatabase is how long such a wait may take.
const waitForDatabase = time.Minute

// begin records that a run starts and opens its sinks: the store, the display and, if the
// user wants it, the mirror.
func (a *app) begin(ctx context.Context, c lxc.Container, kind string, display ui.Display, publish bool) (*session, error) {
	db, v, err := a.catalogue(ctx)
	if err != nil {
		return nil, err
	}
	began := time.Now()
	this := a.newRun(c, kind, began)
	runID := this.ID
	done := a.waiting(databaseFree, time.Minute)
	err = db.BeginRun(ctx, this)
	done()
	if err != nil {
		return nil, err
	}
	if a.worked != nil {
		if err := db.JobRun(ctx, *a.worked, runID); err != nil {
			return nil, errors.Join(err, db.EndRun(context.WithoutCancel(ctx), runID, exit.Explain(err).Status))
		}
	}
	rec := catalogue.Of(db, v, c.RecordID).In(runID)
	sinks := append([]event.Sink{display}, a.junit.follow(kind, c)...)
	sinks = append(sinks, a.observers(kind)...)
	var mirror *store.Mirror
	warning := ""
	if publish || a.cfg.Publish {
		// A mirror never fails a run, not even by its address.
		if mirror, err = store.NewMirror(a.cfg.RedisURL.Reveal()); err != nil {
			warning = "cannot publish: " + err.Error()
		} else {
			rec.Publish(mirror)
			sinks = append(sinks, mirror)
		}
	}
	meta := event.Meta{ContainerID: c.RecordID, RunID: runID, Hostname: c.Hostname, Host: c.Host}
	if db.IsShared() {
		meta.User, meta.Machine, meta.Version = this.User, this.Machine, this.Version
	}
	run := provision.NewRun(meta, rec, rec.Sink(), sinks...)
	run.Verbose, run.Command, run.Decided = a.global.verbose, a.command, a.watch.Decided
	for _, address := range []string{a.cfg.RedisURL.Reveal(), a.cfg.ConfigRepoURL, a.cfg.DatabaseURL.Reveal()} {
		if !strings.Contains(address, "://") {
			address = "redis://" + address
		}
		run.Bus.Secrets().Add(event.URLSecrets(address)...)
	}
	if warning != "" {
		if err := run.Bus.Warn("", warning, "set redis.url in the config, or INFRAHAUS_REDIS_URL"); err != nil {
			return nil, err
		}
	}
	if face, ok := display.(event.Aside); ok {
		a.aside.to(face.Aside)
	}
	s := &session{app: a, run: run, record: rec, display: display, mirror: mirror, container: c, began: began, runID: runID}
	run.Connect = s.connect
	return s, nil
}

// connect opens the host of a run, unless the command did. A run that leaves no trace makes
// no key either.
func (s *session) connect(ctx context.Context) (provision.Host, error) {
	if s.place == nil {
		p, err := s.app.open(ctx)
		if err != nil {
			return provision.Host{}, err
		}
		enter := s.app.mayEnter
		if s.record == nil {
			enter = s.app.maySee
		}
		if err := enter(ctx, p); err != nil {
			return provision.Host{}, err
		}
		s.place = p
	}
	p := s.place
	return provision.Host{PVE: p.pve, SSH: p.ssh, Key: p.key, Defaults: p.defaults, Secrets: p.secrets()}, nil
}

// end closes what begin opened, the display before the mirror, so that its warning comes
// below the display. Then it shows the result.
func (s *session) end(ctx context.Context, res provision.Result, runErr error, show func(lxc.Container) error) error {
	after, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	status := res.ExitStatus
	if runErr != nil {
		status = exit.Explain(runErr).Status
	}
	err := s.record.EndRun(after, status)
	s.app.aside.to(nil)
	tailOut := s.display.ShowedTail()
	closeErr := s.display.Close()
	if ui.IsClosed(closeErr) {
		closeErr = nil
	}
	err = errors.Join(err, closeErr)
	s.app.junit.save(s.app)
	if s.mirror != nil {
		if lost := s.mirror.Close().Warning(); lost != "" {
			s.app.warn(lost, "")
		}
	}
	if runErr != nil {
		return unshown(ran{err: runErr, tailOut: tailOut}, closeErr)
	}
	if err != nil {
		return err
	}
	c, err := s.app.store.Record(after, s.container.RecordID)
	if err != nil {
		return err
	}
	c.Host = s.container.Host // the name that the user typed
	if err := show(c); err != nil {
		return err
	}
	if status != 0 {
		return silent{status}
	}
	return nil
}

// card shows a run's result as a card or rows. With --json the last event was the result.
func (s *session) card(c lxc.Container, res provision.Result) error {
	if s.app.global.json {
		return nil
	}
	r := ui.Result{Container: c, Services: res.Services, Elapsed: time.Since(s.began)}
	for _, svc := range res.Services {
		if len(svc.CredentialKeys) > 0 {
			r.Reveal = s.app.command("credentials", c.Hostname, "--reveal")
		}
	}
	if c.Host == config.SandboxHost {
		r.Notes = append(r.Notes, "services of the sandbox answer only while an infrahaus process with it runs: "+s.app.command("sandbox", "serve"))
	}
	if s.app.global.quiet && res.ExitStatus == exit.Unready {
		s.app.warn("the container is up, but not answering: "+unanswering(res.Services), s.app.command("logs", c.Hostname))
	}
	return ui.WriteResult(s.app.streams, r)
}

// command makes a command line of this tool for the selected host, for hints.
func (a *app) command(words ...string) string {
	line := "infrahaus"
	switch {
	case a.global.sandbox && words[0] != "sandbox":
		line += " --sandbox"
	case a.global.host != "":
		line += " --host " + shellWord(a.global.host)
	}
	if a.global.stateDir != "" {
		line += " --state-dir " + shellWord(a.global.stateDir)
	}
	if a.global.configFile != "" {
		line += " --config " + shellWord(a.global.configFile)
	}
	for _, w := range words {
		line += " " + shellWord(w) // a name may come from Proxmox
	}
	return line
}

// shellWord quotes a word for a shell if it needs quotes.
func shellWord(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("/._-+:@%,=", r)
	}) {
		return guest.Quote(s)
	}
	return s
}

// unanswering names the declared services that do not answer.
func unanswering(services []lxc.Service) string {
	var names []string
	for _, s := range services {
		if s.Declared && s.Status != lxc.Running {
			names = append(names, s.Name)
		}
	}
	return strings.Join(names, ", ")
}
