package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/crypto/ssh"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/guest"
	"github.com/infrahaus/infrahaus/internal/provision"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/sandbox"
	"github.com/infrahaus/infrahaus/internal/store"
	"github.com/infrahaus/infrahaus/internal/transports"
	"github.com/infrahaus/infrahaus/internal/ui"
	"github.com/infrahaus/infrahaus/internal/vault"
)

// app is one invocation: its streams, its global flags, and the files and connections that
// it has opened. Each is opened at its first use, so that `version` opens nothing.
type app struct {
	args         []string // as the user typed them
	in, out, err *os.File
	watch        Watch
	streams      *ui.Streams
	global       globalOptions
	cfg          *config.Config
	host         *config.Host // the settings of the selected host
	store        *store.Store
	vault        *vault.Vault
	sandbox      *sandbox.Sandbox
	junit        *report
	cancel       context.CancelFunc
	until        context.Context // ends with a signal or --timeout: then nothing is waited for any more

	releaseSignals func() // SIGINT and SIGTERM end nothing after it; nil in tests

	waits *event.Waiting // of a command that is not a run
	aside *aside         // where its lines go

	observed *observed // nil: nothing of the runs is told to anybody

	board   ui.Display            // of one of several containers: its part of their display
	outlook *[]provision.PlanStep // of one of several containers: takes a plan instead of printing it
	member  string                // the container's name, of one of several; "": the command works on one
	shared  *place                // a host that is open already: its login serves all of several containers
	looked  *looked               // the templates of several containers; nil: the command works on one
	queue   *enqueuing            // --enqueue: a worker does the work; nil: this process does
	worked  *store.QueuedJob      // the job of the queue that a worker does here; nil: none
	carried *carried              // the template of that job; nil: it has none with it
	ended   *ending               // of one of several containers; nil: the command's own words
	met     map[string]string     // the ids on record of the hosts that have answered, by name
	acting  string                // the id of the record that the command works on
	locked  bool                  // --locked
}

// prepare runs before every command.
func (a *app) prepare(cmd *cobra.Command, _ []string) error {
	if a.global.noColor {
		a.streams = ui.System(a.in, a.out, a.err, os.Environ(), true)
	}
	if err := checkFlags(cmd.Flags()); err != nil {
		return err
	}
	if err := a.junit.check(); err != nil {
		return err
	}
	if a.global.timeout < 0 {
		return usagef("--timeout must not be negative")
	}
	if a.global.timeout > 0 {
		ctx, cancel := context.WithTimeoutCause(cmd.Context(), a.global.timeout, timedOut{a.global.timeout.String()})
		a.cancel = cancel
		cmd.SetContext(ctx)
	}
	a.until = cmd.Context()
	if a.global.host != "" {
		return a.knowHost(cmd.Context())
	}
	return nil
}

// timedOut is the cause of a context that --timeout ended.
type timedOut struct{ after string }

func (t timedOut) Error() string { return "cannot finish within --timeout " + t.after }

// Timeout tells the engine that this is a deadline, not a wish to stop.
func (timedOut) Timeout() bool { return true }

// close frees what was opened.
func (a *app) close() {
	if a.store != nil {
		a.store.Close()
	}
	if a.sandbox != nil {
		a.sandbox.Close()
	}
	if a.cancel != nil {
		a.cancel()
	}
}

// config reads the settings, once, and warns about them.
func (a *app) config() (*config.Config, error) {
	if a.cfg != nil {
		return a.cfg, nil
	}
	cfg, err := a.settled()
	if err != nil {
		return nil, err
	}
	for _, w := range cfg.Warnings {
		a.warn(w, "")
	}
	return cfg, nil
}

// settled reads the settings, once, and leaves the warnings to the caller.
func (a *app) settled() (*config.Config, error) {
	if a.cfg != nil {
		return a.cfg, nil
	}
	host := a.global.host
	if a.global.sandbox {
		if host != "" && host != config.SandboxHost {
			return nil, usagef("--sandbox and --host %s exclude each other", host)
		}
		host = config.SandboxHost
	}
	cfg, err := config.Load(config.Overrides{ConfigFile: homePath(a.global.configFile), StateDir: homePath(a.global.stateDir), Host: host})
	if err != nil {
		return nil, err
	}
	a.cfg, a.met = cfg, map[string]string{}
	return cfg, nil
}

// hostName is the selected host's name, without opening it.
func (a *app) hostName() (string, error) {
	cfg, err := a.config()
	if err != nil {
		return "", err
	}
	return cfg.SelectHost()
}

// catalogue opens the database and the vault.
func (a *app) catalogue(ctx context.Context) (*store.Store, *vault.Vault, error) {
	if a.store != nil {
		return a.store, a.vault, nil
	}
	if _, err := a.config(); err != nil {
		return nil, nil, err
	}
	done := a.waiting(databaseFree, time.Minute)
	s, err := store.OpenAt(ctx, a.place())
	done()
	if err != nil {
		return nil, nil, err
	}
	return a.opened(ctx, s)
}

// opened takes the catalogue into use and opens the vault.
func (a *app) opened(ctx context.Context, s *store.Store) (*store.Store, *vault.Vault, error) {
	if m := s.Migrated(); m.Copy == "" && m.From > 0 {
		a.warn(fmt.Sprintf("the shared database is of version %d now, and was of version %d: an older infrahaus cannot use it any more", m.To, m.From), "")
	} else if m.Copy != "" {
		a.warn(fmt.Sprintf("the database is of version %d now; as it was in version %d, it is kept in %s", m.To, m.From, m.Copy), "")
	}
	v, err := a.vaultOf(ctx, s)
	if err != nil {
		s.Close()
		return nil, nil, err
	}
	a.store, a.vault = s, v
	a.upgrade(ctx)
	return s, v, nil
}

// lookInto opens the catalogue for reading. If there is none it does not make one, and
// returns false.
func (a *app) lookInto(ctx context.Context) (bool, error) {
	if _, err := a.config(); err != nil || a.store != nil {
		return a.store != nil, err
	}
	done := a.waiting(databaseFree, time.Minute)
	s, err := store.OpenExisting(ctx, a.place())
	done()
	if err != nil || s == nil {
		return false, err
	}
	_, _, err = a.opened(ctx, s)
	return err == nil, err
}

// placeOf is where the settings say that the catalogue is.
func placeOf(cfg *config.Config) store.Place {
	return store.Place{Dir: cfg.Paths.StateDir, URL: cfg.DatabaseURL.Reveal()}
}

// place is placeOf for a command, which says what it waits for.
func (a *app) place() store.Place {
	p := placeOf(a.cfg)
	a.waiting("", 0)() // later calls come from several goroutines
	p.Waiting, p.Until = a.awaitingDatabase, a.until
	return p
}

// place is one Proxmox host, ready to be talked to.
type place struct {
	name string
	host *config.Host
	pve  *pve.Client
	ssh  guest.Options
	key  string // the tool's own public key, an authorized_keys line

	shown *pve.Identity // the host's identity, if it answered before a catalogue was open
}

// open makes a client for the selected host. For the sandbox, it starts one or joins the
// one that runs.
func (a *app) open(ctx context.Context) (*place, error) {
	name, err := a.hostName()
	if err != nil {
		return nil, err
	}
	return a.openHost(ctx, name)
}

// openHost makes a client for any host of the config.
func (a *app) openHost(ctx context.Context, name string) (*place, error) {
	if a.shared != nil && a.shared.name == name && (a.shared.shown != nil || a.met[name] != "") {
		p := *a.shared
		if a.met[name] == "" { // no catalogue was open when it answered
			return &p, nil
		}
		return &p, a.sameHost(ctx, &p, a.met[name])
	}
	host, err := a.settings(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(host.Warnings) > 0 { // the work on several containers shares the settings, and must not write there
		for _, w := range host.Warnings {
			a.warn(w, "")
		}
		host.Warnings = nil // once is enough: a command may open its host again
	}
	p := &place{name: name, host: host}
	p.pve, err = pve.New(pve.Options{
		Met: func(ctx context.Context, shown pve.Identity) error { return a.introduced(ctx, p, shown) },
		URL: host.URL, Token: host.Token.Reveal(), User: host.User, Password: host.Password.Reveal(),
		Fingerprint: host.Fingerprint, CAFile: host.CAFile, Insecure: host.Insecure, UserAgent: "infrahaus/" + version, Sent: a.watch.Sent, Gate: mayChange,
	})
	return p, err
}

// answersFor is how old an answer of Proxmox about a node may be that serves several
// containers: a node that goes down meanwhile is noticed within that time.
const answersFor = 3 * time.Second

// share opens the selected host for the work on several containers: one login, one look at
// its certificate, and one answer to what they all ask. The sandbox runs as long as this
// process then, and not as long as the work on one container.
func (a *app) share(ctx context.Context) error {
	p, err := a.open(ctx)
	if err != nil {
		return err
	}
	p.pve.Share(answersFor)
	_, _ = p.pve.ClusterCA(ctx) // without an answer each container meets, and reports, the error itself
	a.shared = p
	return nil
}

// mayEnter adds to p what it takes to get into guests. It makes the tool's own key if
// there is none.
func (a *app) mayEnter(ctx context.Context, p *place) (err error) {
	if p.ssh, err = p.waysIn(); err != nil {
		return err
	}
	signer, public, err := a.sshKey(ctx)
	p.ssh.Identity, p.key = signer, strings.TrimSpace(public)
	return err
}

// sshKey is the tool's own key: the catalogue's, where one is open. A member who cannot open
// that one has their own, with which other ways into a guest still work.
func (a *app) sshKey(ctx context.Context) (ssh.Signer, string, error) {
	path := a.cfg.Paths.SSHKey()
	if a.store == nil {
		return guest.EnsureKey(path)
	}
	signer, public, _, err := catalogue.SSHKey(ctx, a.store, a.vault, path)
	var locked *vault.Error
	if errors.As(err, &locked) && a.store.IsShared() {
		a.warn("the SSH key of the shared catalogue is sealed: "+locked.Error(), locked.Next)
		return guest.EnsureKey(path)
	}
	return signer, public, err
}

// settings returns a host's settings: from the config or, for the sandbox, from the sandbox
// itself.
func (a *app) settings(ctx context.Context, name string) (*config.Host, error) {
	if a.host != nil && a.host.Name == name {
		return a.host, nil
	}
	if name != config.SandboxHost {
		h, err := a.cfg.Host(ctx, name)
		a.host = h
		return h, err
	}
	sb, err := sandbox.Open(ctx, sandbox.Options{Dir: a.cfg.Paths.Sandbox(), PVE: a.cfg.SandboxPVE})
	if err != nil {
		return nil, err
	}
	a.sandbox = sb
	e := sb.Endpoint()
	h := &config.Host{
		Name: name, URL: e.URL, Token: config.NewSecret(e.Token), Fingerprint: e.Fingerprint, Node: e.Node,
		SSH: config.SSH{Transport: transports.Auto, Node: e.SSH(), IdentityFile: e.SSHIdentity, KnownHosts: e.SSHKnownHosts},
	}
	if len(e.Nodes) > 1 {
		h.Node = ""
	}
	if t := os.Getenv("INFRAHAUS_SSH_TRANSPORT"); t != "" {
		h.SSH.Transport = t
	}
	a.host = h
	return h, nil
}

// autoDeadline is how long `auto` waits for a guest's sshd if it can go through the node
// instead. The sshd of a real guest answers 2 to 4 s after the start; many OS templates
// have none at all.
const autoDeadline = 5 * time.Second

// consoleDeadline is the same if only the console is left. SSH gets longer then, because the
// console is slower than SSH, and other people may be using it.
const consoleDeadline = 15 * time.Second

// waysIn turns the host's settings into options for package guest. It makes no key.
func (p *place) waysIn() (guest.Options, error) {
	set := p.host.SSH
	o := guest.Options{Transport: set.Transport, Console: consoles(p.pve), Gate: mayChange}
	if o.Transport == transports.Auto {
		o.SSHDeadline = consoleDeadline
	}
	if set.Node != "" {
		node, err := p.nodeSSH(orElse(set.At(p.host.Node), set.At("")))
		if err != nil {
			return o, err
		}
		if o.Node = node; set.Several() {
			o.Nodes = p.sshOf
		}
		if o.Transport == transports.Auto {
			o.SSHDeadline = autoDeadline
		}
	}
	if set.Jump != "" {
		jump, err := p.nodeSSH(set.Jump)
		if err != nil {
			return o, err
		}
		o.Jump = jump
	}
	return o, nil
}

// warn writes a warning outside of a run.
func (a *app) warn(message, hint string) {
	_ = ui.WriteWarning(a.streams, message, hint)
}

// note prints a line on stderr that is neither data nor a warning.
func (a *app) note(text string) {
	fmt.Fprintf(a.streams.Err, "%s\n", ui.Clean(text))
}

// say prints a note, unless --quiet is set.
func (a *app) say(text string) {
	if !a.global.quiet {
		a.note(text)
	}
}

func joinLines(lines []string) string { return strings.Join(lines, "\n") }
