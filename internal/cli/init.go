package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/doctor"
	"github.com/infrahaus/infrahaus/internal/setup"
	"github.com/infrahaus/infrahaus/internal/transports"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type initOptions struct {
	app *app

	name, url, fingerprint, caFile string
	tokenFile                      string
	user, passwordFile, otpFile    string
	account                        setup.Account
	widen, asDefault               bool
	node, storage, bridge          string
	transport, sshNode             string
	sshIdentity, sshKnownHosts     string
	nonInteractive                 bool
}

func newInitCmd(a *app) *cobra.Command {
	o := &initOptions{app: a}
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Set up a Proxmox host: ask, test, and write the config",
		Long: `Set up a Proxmox host: ask for what flags and environment leave open, make an API token
if there is none, test everything, and write the config. Without a terminal, or with
--non-interactive, nothing is asked, and one error names all that is missing.

The host's certificate is shown by its SHA-256 fingerprint, as ssh shows a host key:
answer yes, no, or with the fingerprint to compare with (on the node: pvenode cert info).
A certificate that a CA of this machine vouches for needs no answer.

With --token-file, or INFRAHAUS_TOKEN, an existing token is used. Otherwise init logs in
once by user and password, and by a code if Proxmox wants a second factor, and makes a
user, a role with the least privileges that the way into containers needs, entries of the
ACL for them on the chosen storage and bridge, and a token with privileges of its own. What
exists is named and kept; only with --widen, or if you say so, an existing role or user
gets more rights. If the login may not do that, init shows the pveum lines to paste on the
node. After an interrupt or an error, what was made is taken back.

The config is written for its owner alone; the token goes into NAME.token beside it. Files
that are replaced are copied first. Other hosts and comments stay. The first host becomes
default_host when a second one is added, unless --default is given.

If a check fails, the config is written all the same, and the exit status is the worst of
all checks, as infrahaus doctor has it.

ACCESSIBLE=1 asks line by line instead of in a form, as a terminal with TERM=dumb does.` +
			exitStatuses(0, 1, 2, 3, 4, 130, 143),
		Example: `  infrahaus init
  infrahaus init --name homelab --url pve.example.com --user root@pam
  infrahaus init --non-interactive --url pve.example.com --fingerprint "$FINGERPRINT" --token-file token.txt`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			o.account.Token = orElse(o.account.Token, setup.DefaultToken)
			return o.run(cmd.Context(), cmd.Flags().Changed("token-name"))
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.name, "name", "", "the host's `name` in the config (default from the URL)")
	f.StringVar(&o.url, "url", "", "the host's address: a `URL`, or a name for https://NAME:8006")
	f.StringVar(&o.fingerprint, "fingerprint", "", "the `SHA-256` fingerprint that the host's certificate must have")
	f.StringVar(&o.caFile, "ca-file", "", "trust the CAs in this PEM `file` instead of a fingerprint")
	f.StringVar(&o.tokenFile, "token-file", "", "an existing token, user@realm!name=secret, from the file at `path` (- is stdin)")
	f.StringVar(&o.user, "user", "", "log in once as this `user` (user@realm) to make a token")
	f.StringVar(&o.passwordFile, "password-file", "", "that user's password from the file at `path` (- is stdin; default INFRAHAUS_PASSWORD)")
	f.StringVar(&o.otpFile, "otp-file", "", "the code of that user's authenticator app from the file at `path`")
	f.StringVar(&o.account.User, "make-user", setup.DefaultUser, "the `user` to make for the token")
	f.StringVar(&o.account.Role, "role", setup.DefaultRole, "the `role` to make")
	f.StringVar(&o.account.Token, "token-name", "", "the `name` of the token to make (default "+setup.DefaultToken+", or the next that is free)")
	f.BoolVar(&o.widen, "widen", false, "give an existing role or user the privileges that it lacks")
	f.BoolVar(&o.asDefault, "default", false, "make it the default host")
	f.StringVar(&o.node, "node", "", "the Proxmox `node` for new containers")
	f.StringVar(&o.storage, "storage", "", "the `storage` of their disks")
	f.StringVar(&o.bridge, "bridge", "", "the `bridge` of their network")
	choose(cmd, &o.transport, "transport", "", "the way into containers: %s", transports.Names...)
	f.StringVar(&o.sshNode, "ssh-node", "", "the node's SSH `address`: user@host:port")
	f.StringVar(&o.sshIdentity, "ssh-identity", "", "the private key `file` for the node (default: as ssh does)")
	f.StringVar(&o.sshKnownHosts, "ssh-known-hosts", "", "the known_hosts `file` for the node (default: as ssh does)")
	f.BoolVar(&o.nonInteractive, "non-interactive", false, "ask nothing")
	return cmd
}

// initRun is one setting up of a host.
type initRun struct {
	*initOptions
	cfg        *config.Config
	ask        *ui.Asker   // nil: nothing is asked
	host       config.Host // what is known so far
	fixedToken bool        // the user has named the token
	missing    []string    // what would have to be asked for
	account    madeAccount
	checks     []doctor.Check
}

// steps are what a run does, in order. Everything before makeAccount only asks and looks.
func (r *initRun) steps() []func(context.Context) error {
	return []func(context.Context) error{
		r.settings, r.address, r.certificate, r.chooseName, r.login, r.complete, r.logIn,
		r.chooseWay, r.choosePlace, r.complete, r.makeAccount, r.test, r.save,
	}
}

func (o *initOptions) run(ctx context.Context, fixedToken bool) (err error) {
	r := &initRun{initOptions: o, fixedToken: fixedToken}
	if err := r.open(); err != nil {
		return err
	}
	defer func() {
		if err != nil && !errors.As(err, new(silent)) {
			r.takeBack(ctx)
		}
	}()
	for _, step := range r.steps() {
		err := step(ctx)
		if errors.Is(err, ui.ErrLeft) {
			err = interrupted{syscall.SIGINT}
		}
		if err != nil {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// open reads the config, which need not exist, and finds out if anything can be asked.
func (r *initRun) open() error {
	a := r.app
	switch {
	case a.global.sandbox:
		return usagef("the sandbox needs no setting up").hint("infrahaus create web --template hello --sandbox")
	case a.global.host != "":
		return usagef("init adds a host: its name is --name, not --host").hint("infrahaus init --name %s", shellWord(a.global.host))
	}
	cfg, err := config.Load(config.Overrides{ConfigFile: homePath(a.global.configFile), StateDir: homePath(a.global.stateDir), NewFile: true})
	if err != nil {
		return err
	}
	a.cfg, a.met, r.cfg = cfg, map[string]string{}, cfg
	for _, w := range cfg.Warnings {
		a.warn(w, "")
	}
	if err := cfg.Writable(); err != nil { // before a token is made that could not be kept
		return err
	}
	if r.nonInteractive {
		return nil
	}
	r.ask, err = ui.NewAsker(a.streams, truthyEnv("ACCESSIBLE"))
	if errors.Is(err, ui.ErrNoTerminal) {
		return nil
	}
	return err
}

func truthyEnv(name string) bool {
	v := os.Getenv(name)
	return v != "" && v != "0" && !strings.EqualFold(v, "false")
}

// settings takes what flags and environment say. The environment's login and trust belong
// to the environment's host, and to no other one.
func (r *initRun) settings(context.Context) error {
	env, err := r.cfg.FromEnvironment()
	if err != nil {
		return err
	}
	set := func(flag string, to *string, value string, check func(string) (string, error)) {
		if value == "" || err != nil {
			return
		}
		text, bad := check(value)
		if bad != nil {
			err = usagef("--%s: %w", flag, bad)
		}
		*to = text
	}
	r.host = env
	set("url", &r.host.URL, r.url, config.CheckURL)
	if env.URL != "" && r.host.URL != env.URL {
		r.host = config.Host{URL: r.host.URL, SSH: config.SSH{Transport: env.SSH.Transport, IdentityFile: env.SSH.IdentityFile}}
	}
	r.host.Insecure = false
	set("fingerprint", &r.host.Fingerprint, r.fingerprint, config.CheckFingerprint)
	set("user", &r.host.User, r.user, config.CheckUser)
	set("make-user", &r.initOptions.account.User, r.initOptions.account.User, config.CheckUser)
	set("node", &r.host.Node, r.node, config.CheckName)
	set("storage", &r.host.Storage, r.storage, config.CheckName)
	set("bridge", &r.host.Bridge, r.bridge, config.CheckName)
	set("ssh-node", &r.host.SSH.Node, r.sshNode, config.CheckSSHNode)
	set("role", &r.initOptions.account.Role, r.initOptions.account.Role, config.CheckName)
	set("token-name", new(string), r.initOptions.account.TokenID(), config.CheckTokenID)
	if err != nil {
		return err
	}
	r.host.Name = r.name
	r.host.CAFile = absolute(orElse(r.caFile, r.host.CAFile))
	r.host.SSH.Transport = orElse(r.transport, r.host.SSH.Transport)
	r.host.SSH.IdentityFile = absolute(orElse(r.sshIdentity, r.host.SSH.IdentityFile))
	r.host.SSH.KnownHosts = absolute(orElse(r.sshKnownHosts, r.host.SSH.KnownHosts))
	return r.secrets()
}

// secrets reads the files of the login.
func (r *initRun) secrets() error {
	if r.tokenFile != "" && (r.user != "" || r.passwordFile != "") {
		return usagef("--token-file excludes --user and --password-file: it is an existing token")
	}
	if r.user != "" || r.passwordFile != "" {
		r.host.Token = config.Secret{} // of the environment: a flag comes first
	}
	if r.tokenFile != "" {
		text, err := r.app.secretLine("--token-file", r.tokenFile)
		if err != nil {
			return err
		}
		token, err := config.CheckToken(text)
		if err != nil {
			return usagef("--token-file: %w", err)
		}
		r.host.Token = config.NewSecret(token)
	}
	if r.passwordFile != "" {
		text, err := r.app.secretLine("--password-file", r.passwordFile)
		if err != nil {
			return err
		}
		r.host.Password = config.NewSecret(text)
	}
	return nil
}

// secretLine is a file's first line.
func (a *app) secretLine(flag, file string) (string, error) {
	raw, err := readSmall(homePath(file), a.in)
	if err != nil {
		return "", usagef("%s: %w", flag, err)
	}
	line, _, _ := strings.Cut(string(raw), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", usagef("%s: its first line is empty", flag)
	}
	return line, nil
}

// need notes what must be given by a flag, if nothing is asked.
func (r *initRun) need(format string, args ...any) {
	r.missing = append(r.missing, fmt.Sprintf(format, args...))
}

// complete returns one error for all that is missing.
func (r *initRun) complete(context.Context) error {
	if len(r.missing) == 0 {
		return nil
	}
	why := "there is no terminal to ask on, and this is missing: "
	if r.nonInteractive {
		why = "nothing is asked, and this is missing: "
	}
	f := usagef("%s%s", why, strings.Join(r.missing, "; "))
	if r.host.URL != "" && r.host.Fingerprint == "" {
		f = f.hint("to compare the fingerprint, on the node: pvenode cert info")
	}
	return f.hint("infrahaus init --help")
}
