package cli

import (
	"context"
	"fmt"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/doctor"
	"github.com/infrahaus/infrahaus/internal/ui"
)

// test makes doctor's checks with the settings as they will be saved.
func (r *initRun) test(ctx context.Context) error {
	a := r.app
	t := doctor.Target{Name: r.host.Name, Host: &r.host, UserAgent: "infrahaus/" + version}
	t.Local = &doctor.Local{Paths: r.cfg.Paths, ConfigFile: r.cfg.File, RedisURL: r.cfg.RedisURL, Publish: r.cfg.Publish}
	inside, err := (&place{name: r.host.Name, host: &r.host}).nodeWay()
	if err != nil {
		return err
	}
	t.Inside = inside
	done := a.waiting("the checks", 0)
	r.checks = doctor.Run(ctx, t, r.showCheck)
	done()
	if err := ctx.Err(); err != nil {
		return err
	}
	worst := doctor.Worst(r.checks)
	if worst == 0 || r.ask == nil {
		return nil
	}
	got, err := r.ask.Ask(ctx, "Checks", ui.Question{
		Key: "save", Title: "Some checks failed. Write the config all the same?", Default: "yes",
		Choices: []ui.Choice{{Value: "yes", Label: "yes, and mend them afterwards"}, {Value: "no", Label: "no, and take back what was made"}},
	})
	if err == nil && got["save"] != "yes" {
		return failf(worst, "some checks failed; nothing was written")
	}
	return err
}

// showCheck shows a check on stderr: on a terminal each, otherwise those that failed.
func (r *initRun) showCheck(c doctor.Check) {
	a := r.app
	switch {
	case a.global.quiet && c.State != doctor.Fail, c.State == doctor.Skipped, c.ID == "config":
	case a.streams.ErrTTY:
		side := *a.streams
		side.Out, side.OutTTY, side.OutColor = a.streams.Err, true, a.streams.ErrColor
		b := *a
		b.streams = &side
		_ = b.showCheck(c)
	case c.State == doctor.Fail || c.State == doctor.Warn:
		hint := c.Fix
		if c.FixOn == doctor.FixNode && hint != "" {
			hint = "on the node: " + hint
		}
		a.warn(c.Title+": "+c.Detail, hint)
	}
}

// initialised is the document of --json.
type initialised struct {
	Name        string         `json:"name"`
	URL         string         `json:"url"`
	Fingerprint string         `json:"fingerprint,omitempty"`
	Node        string         `json:"node,omitempty"`
	Storage     string         `json:"storage,omitempty"`
	Bridge      string         `json:"bridge,omitempty"`
	Transport   string         `json:"transport"`
	MadeToken   string         `json:"madeToken,omitempty"`
	ConfigFile  string         `json:"configFile"`
	TokenFile   string         `json:"tokenFile"`
	Copies      []string       `json:"copies"`
	DefaultHost string         `json:"defaultHost,omitempty"` // if it was set now
	ExitStatus  int            `json:"exitStatus"`
	Checks      []doctor.Check `json:"checks"`
}

// save writes the config and says what comes next.
func (r *initRun) save(context.Context) error {
	a, h := r.app, r.host
	if !h.SSH.IdentityKey.IsZero() {
		a.warn("the private key in INFRAHAUS_SSH_IDENTITY is not written: commands need it in the environment", "")
	}
	s, err := r.cfg.Add(config.NewHost{Name: h.Name, URL: h.URL, Token: h.Token, MadeToken: r.account.tokenID, Fingerprint: h.Fingerprint, CAFile: h.CAFile,
		Node: h.Node, Storage: h.Storage, Bridge: h.Bridge, SSH: h.SSH, Default: r.asDefault})
	if err != nil {
		return err
	}
	r.account.made = nil // it belongs to the config now
	worst := doctor.Worst(r.checks)
	if err := r.report(s, worst); err != nil {
		return err
	}
	if worst != 0 {
		return silent{worst}
	}
	return nil
}

func (r *initRun) report(s config.Saved, worst int) error {
	a, h := r.app, r.host
	for _, copied := range s.Copies {
		a.say("as it was before: " + copied)
	}
	if s.Default != "" {
		a.say("commands without --host use " + s.Default)
	}
	a.say(fmt.Sprintf("host %s is in %s, its token in %s", h.Name, s.File, s.TokenFile))
	on := a.command
	if len(r.cfg.HostNames()) > 0 && s.Default != h.Name {
		on = func(words ...string) string { return a.commandOn(h.Name, words...) }
	}
	a.say("next: " + on("doctor"))
	a.say("      " + on("create", "web", "--template", "hello"))
	switch {
	case a.global.json:
		return ui.WriteJSON(a.streams, initialised{Name: h.Name, URL: h.URL, Fingerprint: h.Fingerprint, Node: h.Node, Storage: h.Storage, Bridge: h.Bridge,
			Transport: h.SSH.Transport, MadeToken: r.account.tokenID, ConfigFile: s.File, TokenFile: s.TokenFile, Copies: append([]string{}, s.Copies...),
			DefaultHost: s.Default, ExitStatus: worst, Checks: r.checks})
	case !a.streams.OutTTY:
		return ui.WriteRow(a.streams, h.Name, h.URL, s.File)
	}
	return nil
}
