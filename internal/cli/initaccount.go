package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/setup"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// madeAccount is the part of a run that concerns users, roles and tokens on the host.
type madeAccount struct {
	client  *pve.Client
	place   setup.Place
	made    *setup.Made
	tokenID string // of the token that was made
}

// takeBackDeadline is how long taking back may take, after an interrupt.
const takeBackDeadline = 20 * time.Second

// makeAccount makes a token, if the login was by a password.
func (r *initRun) makeAccount(ctx context.Context) error {
	if !r.host.Token.IsZero() {
		return nil
	}
	privs, paths := setup.Privileges(r.host.SSH.Transport, r.account.place.Major), r.account.place.Paths()
	_, realm, _ := strings.Cut(r.initOptions.account.User, "@")
	err := r.account.client.MayAdminister(ctx, realm, paths)
	if pve.IsKind(err, pve.Forbidden) {
		return r.showLines(ctx, err, privs, paths)
	}
	if err != nil {
		return err
	}
	p, err := r.plan(ctx, privs, paths)
	if err != nil {
		return err
	}
	if err := r.agree(ctx, p); err != nil {
		return err
	}
	r.account.tokenID = p.TokenID()
	if r.account.made, err = setup.Make(ctx, r.account.client, p); err != nil {
		return err
	}
	r.host.Token = config.NewSecret(p.TokenID() + "=" + r.account.made.Secret)
	r.host.User, r.host.Password = "", config.Secret{}
	r.app.say("made " + p.TokenID())
	return nil
}

// plan decides what is made. A token's name that is taken is asked for again, or replaced
// by the next that is free, unless the user has named it.
func (r *initRun) plan(ctx context.Context, privs, paths []string) (setup.Plan, error) {
	there, err := setup.Look(ctx, r.account.client, r.initOptions.account, privs, paths)
	if err != nil {
		return setup.Plan{}, err
	}
	for {
		p, err := setup.Decide(r.initOptions.account, privs, paths, there)
		var taken *setup.Taken
		switch {
		case err == nil:
			return p, nil
		case !errors.As(err, &taken):
			return p, usagef("%w", err).hint("make another role with --role")
		case r.ask == nil && r.fixedToken:
			return p, usagef("%w, and is not replaced", err).hint("choose another name: --token-name %s", taken.Free)
		case r.ask == nil:
			r.app.say(fmt.Sprintf("the token %s exists and stays as it is; making %s instead", taken.ID, taken.Free))
			r.initOptions.account.Token = taken.Free
			continue
		}
		a := r.initOptions.account
		got, err := r.ask.Ask(ctx, "Token", ui.Question{
			Key: "token", Title: "Name of the new token", Default: taken.Free, Help: "the token " + taken.ID + " exists and stays as it is",
			Check: func(s string) error { a.Token = s; _, err := config.CheckTokenID(a.TokenID()); return err },
		})
		if err != nil {
			return p, err
		}
		r.initOptions.account.Token = got["token"]
	}
}

// agree shows what will be made and asks for consent. Without a person, rights of what
// exists are only added with --widen.
func (r *initRun) agree(ctx context.Context, p setup.Plan) error {
	wider := p.Widens()
	if r.ask == nil {
		if len(wider) > 0 && !r.widen {
			return usagef("it would give more rights to what exists: %s", strings.Join(wider, "; ")).
				hint("if you mean it: --widen").hint("or make others: --role, --make-user")
		}
		for _, kept := range p.Kept {
			r.app.say(kept)
		}
		return nil
	}
	help := "On " + r.host.URL + " there will be"
	for _, s := range p.Steps {
		mark := "+ "
		if s.Widens {
			mark = "! "
		}
		help += "\n" + mark + s.Text
	}
	for _, kept := range p.Kept {
		help += "\n= " + kept
	}
	if len(wider) > 0 {
		help += "\nLines with ! give more rights to what exists."
	}
	got, err := r.ask.Ask(ctx, "Account", ui.Question{Key: "ok", Title: "Make it?", Help: help, Default: "yes",
		Choices: []ui.Choice{{Value: "yes", Label: "yes"}, {Value: "no", Label: "no, and leave everything as it is"}}})
	if err == nil && got["ok"] != "yes" {
		return usagef("nothing was done")
	}
	return err
}

// showLines shows the commands for the node, for a login that may not make an account
// itself, and asks for the token that they make.
func (r *initRun) showLines(ctx context.Context, why error, privs, paths []string) error {
	there, err := setup.Look(ctx, r.account.client, r.initOptions.account, privs, paths)
	if err != nil && !pve.IsKind(err, pve.Forbidden) {
		return err
	}
	a := r.initOptions.account
	a.Token = setup.Free(a.Token, there.Tokens)
	p, err := setup.Decide(a, privs, paths, there)
	if err != nil {
		return usagef("%w", err).hint("make another role with --role")
	}
	f := exit.Explain(why)
	if r.ask == nil {
		failed := failf(exit.Proxmox, "%s", f.Message)
		for i, line := range p.Lines() {
			if i == 0 {
				line = "as root on the node: " + line
			}
			failed = failed.hint("%s", line)
		}
		return failed.hint("then, with the token in a file: %s", r.again())
	}
	if err := ui.WriteFailure(r.app.streams, ui.Failure{Message: f.Message}); err != nil {
		return err
	}
	lines := append([]string{"", "As root on the node:", ""}, p.Lines()...)
	if err := ui.WriteLines(r.app.streams, append(lines, "", "The line with token add prints the secret.")...); err != nil {
		return err
	}
	if err := r.askToken(ctx); err != nil {
		return err
	}
	return r.logIn(ctx)
}

// again is the command that goes on with a token.
func (r *initRun) again() string {
	words := []string{"init", "--url", r.host.URL, "--name", r.host.Name}
	if r.host.Fingerprint != "" {
		words = append(words, "--fingerprint", r.host.Fingerprint)
	}
	return r.app.command(append(words, "--transport", r.host.SSH.Transport, "--token-file", "token.txt")...)
}

// takeBack removes from the host what was made, after an error or an interrupt.
func (r *initRun) takeBack(ctx context.Context) {
	if r.account.made == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackDeadline)
	defer cancel()
	if err := r.account.made.Undo(ctx); err != nil {
		user, name, _ := strings.Cut(r.account.tokenID, "!")
		r.app.warn(fmt.Sprintf("the token %s may be left on the host: %s", r.account.tokenID, exit.Explain(err).Message),
			"on the node: pveum user token remove "+shellWord(user)+" "+name)
		return
	}
	r.app.say("what was made on the host is taken back")
}
