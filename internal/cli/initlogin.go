package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/setup"
	"github.com/infrahaus/infrahaus/internal/ui"
)

func absolute(path string) string {
	if path == "" {
		return ""
	}
	if abs, err := filepath.Abs(homePath(path)); err == nil {
		return abs
	}
	return path
}

// address asks for the host's URL.
func (r *initRun) address(ctx context.Context) error {
	if r.host.URL == "" && r.ask != nil {
		got, err := r.ask.Ask(ctx, "A Proxmox host for infrahaus", ui.Question{
			Key: "url", Title: "Address of Proxmox VE", Help: "a name such as pve.example.com, or a URL such as https://192.168.1.10:8006",
			Check: func(s string) error {
				u, err := config.CheckURL(s)
				if err == nil {
					err = r.cfg.Vacant("", u)
				}
				return err
			},
		})
		if err != nil {
			return err
		}
		if r.host.URL, err = config.CheckURL(got["url"]); err != nil {
			return err
		}
	}
	if r.host.URL == "" {
		r.need("--url")
	}
	return r.cfg.Vacant(r.host.Name, r.host.URL)
}

// certificate decides how the host is trusted: by the CAs, by the fingerprint that was
// given, or by the one that it shows, if the person says so.
func (r *initRun) certificate(ctx context.Context) error {
	if r.host.URL == "" {
		return nil
	}
	chain, err := pve.Show(ctx, pve.Options{URL: r.host.URL})
	if err != nil && len(r.missing) > 0 || len(chain) == 0 && err == nil {
		return nil //nolint:nilerr // what is missing is said first
	}
	if err != nil {
		return err
	}
	shown := pve.Fingerprint(chain[0])
	if r.host.Fingerprint != "" {
		if r.host.Fingerprint != shown {
			return failf(exit.Unreachable, "THE CERTIFICATE OF %s IS NOT THE EXPECTED ONE: --fingerprint is %s, the host shows %s. Somebody may be between you and the host; nothing was sent to it",
				r.host.URL, r.host.Fingerprint, shown).hint("compare with what the node itself shows, on the node: pvenode cert info")
		}
		return nil
	}
	why := pve.Vouch(chain, r.host.CAFile, r.host.URL, time.Now())
	switch {
	case why == nil:
		return nil
	case r.host.CAFile != "":
		return failf(exit.Unreachable, "the CAs in %s do not vouch for the certificate of %s: %w", r.host.CAFile, r.host.URL, why)
	case r.ask == nil:
		r.need("--fingerprint, or --ca-file (the host shows %s)", shown)
		return nil
	}
	return r.trust(ctx, shown)
}

// trust asks as ssh does.
func (r *initRun) trust(ctx context.Context, shown string) error {
	got, err := r.ask.Ask(ctx, "Certificate", ui.Question{
		Key: "trust", Short: "Certificate trusted", Title: "Is this the host's certificate? (yes/no/its fingerprint)",
		Help: "No CA of this machine vouches for the certificate of " + r.host.URL + ".\nIts SHA-256 fingerprint is\n" + shown[:48] + "\n" + shown[48:] +
			"\nOn the node, pvenode cert info shows the right one.",
		Check: func(s string) error {
			switch strings.ToLower(strings.TrimSpace(s)) {
			case "yes", "no":
				return nil
			}
			typed, err := config.CheckFingerprint(s)
			switch {
			case err != nil:
				return errors.New("answer yes, no, or with the fingerprint")
			case typed != shown:
				return errors.New("that is not the fingerprint that the host shows")
			}
			return nil
		},
	})
	if err != nil {
		return err
	}
	if strings.EqualFold(strings.TrimSpace(got["trust"]), "no") {
		return failf(exit.Unreachable, "the certificate of %s is not trusted; nothing was done", r.host.URL)
	}
	r.host.Fingerprint = shown
	return nil
}

// chooseName takes the name from the URL if nobody says another one.
func (r *initRun) chooseName(ctx context.Context) error {
	if r.host.Name != "" || r.host.URL == "" {
		return nil
	}
	r.host.Name = setup.HostName(r.host.URL, append(r.cfg.HostNames(), config.SandboxHost))
	if r.ask == nil {
		return nil
	}
	got, err := r.ask.Ask(ctx, "Name", ui.Question{
		Key: "name", Short: "Name", Title: "Name of this host in the config", Default: r.host.Name, Help: "commands take it as --host",
		Check: func(s string) error { return r.cfg.Vacant(s, "") },
	})
	r.host.Name = got["name"]
	return err
}

// login asks how to log in.
func (r *initRun) login(ctx context.Context) error {
	switch {
	case !r.host.Token.IsZero() || r.host.User != "" && !r.host.Password.IsZero():
		return nil
	case r.ask == nil && r.host.User != "":
		r.need("--password-file, or INFRAHAUS_PASSWORD")
		return nil
	case r.ask == nil && !r.host.Password.IsZero():
		r.need("--user")
		return nil
	case r.ask == nil:
		r.need("--token-file, or --user with --password-file")
		return nil
	case r.host.User != "":
		return nil
	}
	got, err := r.ask.Ask(ctx, "Login", ui.Question{
		Key: "how", Short: "Login by", Title: "How shall infrahaus log in?", Default: "password", Choices: []ui.Choice{
			{Value: "password", Label: "make an API token now: log in once by user and password"},
			{Value: "token", Label: "use an API token that exists"},
		},
	})
	if err != nil {
		return err
	}
	if got["how"] == "token" {
		return r.askToken(ctx)
	}
	got, err = r.ask.Ask(ctx, "Login", ui.Question{
		Key: "user", Title: "User", Default: "root@pam", Help: "it may be an administrator of Proxmox's own, such as admin@pve",
		Check: func(s string) error { _, err := config.CheckUser(s); return err },
	})
	if err == nil {
		r.host.User, err = config.CheckUser(got["user"])
	}
	return err
}

// askToken asks for a whole token, which is not shown.
func (r *initRun) askToken(ctx context.Context) error {
	got, err := r.ask.Ask(ctx, "Login", ui.Question{
		Key: "token", Title: "API token", Secret: true, Help: "user@realm!name=secret; it is not shown",
		Check: func(s string) error { _, err := config.CheckToken(s); return err },
	})
	if err != nil {
		return err
	}
	token, err := config.CheckToken(got["token"])
	r.host.Token = config.NewSecret(token)
	return err
}

// loginTries is how often a person is asked for a password or a token.
const loginTries = 3

// logIn logs in, and asks again after a wrong password or token.
func (r *initRun) logIn(ctx context.Context) error {
	for try := 1; ; try++ {
		err := r.logInOnce(ctx)
		asked := r.tokenFile == "" && r.passwordFile == "" && r.ask != nil
		if err == nil || !asked || try == loginTries || !pve.IsKind(err, pve.Unauthorized) {
			return err
		}
		f := r.app.explain(err)
		_ = ui.WriteFailure(r.app.streams, ui.Failure{Message: f.Message})
		if r.host.Token.IsZero() {
			r.host.Password = config.Secret{}
			continue
		}
		if err := r.askToken(ctx); err != nil {
			return err
		}
	}
}

func (r *initRun) logInOnce(ctx context.Context) error {
	if r.host.Token.IsZero() && r.host.Password.IsZero() {
		got, err := r.ask.Ask(ctx, "Login", ui.Question{
			Key: "password", Title: "Password of " + r.host.User, Secret: true, Help: "it is used once, and kept nowhere",
			Check: func(s string) error {
				if s == "" {
					return errors.New("it is empty")
				}
				return nil
			},
		})
		if err != nil {
			return err
		}
		r.host.Password = config.NewSecret(got["password"])
	}
	client, err := pve.New(r.options())
	if err != nil {
		return err
	}
	r.account.client = client
	if err := client.LogIn(ctx, r.code); err != nil {
		return err
	}
	_, err = client.Version(ctx)
	return err
}

func (r *initRun) options() pve.Options {
	h := r.host
	return pve.Options{URL: h.URL, Token: h.Token.Reveal(), User: h.User, Password: h.Password.Reveal(),
		Fingerprint: h.Fingerprint, CAFile: h.CAFile, UserAgent: "infrahaus/" + version}
}

// code answers Proxmox's question for a second factor.
func (r *initRun) code(ctx context.Context, again bool) (string, error) {
	switch {
	case r.otpFile != "" && !again:
		return r.app.secretLine("--otp-file", r.otpFile)
	case r.otpFile != "":
		return "", failf(exit.Unreachable, "the code in --otp-file is not accepted; no code is accepted twice")
	case r.ask == nil:
		return "", usagef("%s needs a second factor, and --otp-file is missing", r.host.User)
	}
	help := "six digits of the authenticator app"
	if again {
		help = "the last one was not accepted: wait for the next"
	}
	got, err := r.ask.Ask(ctx, "Second factor", ui.Question{
		Key: "code", Title: fmt.Sprintf("Code for %s", r.host.User), Help: help,
		Check: func(s string) error {
			if len(s) < 6 || strings.Trim(s, "0123456789") != "" {
				return errors.New("six digits, or eight")
			}
			return nil
		},
	})
	return got["code"], err
}
