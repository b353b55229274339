package doctor

import (
	"fmt"
	"time"

	"github.com/infrahaus/infrahaus/internal/exit"
	"github.com/infrahaus/infrahaus/internal/pve"
)

func judgeAPI(f *Facts) verdict {
	if f.Client.err != nil {
		return failed(f.Client.err)
	}
	if err := f.Version.err; err != nil && !pve.IsKind(err, pve.Unauthorized) {
		return failed(err).here("curl --insecure --include --max-time 10 " + f.Target.Host.URL + "/api2/json/version")
	}
	return ok("answers")
}

// judgeLogin judges the token, or the user with a password.
func judgeLogin(f *Facts) verdict {
	h, who := f.Target.Host, f.Client.value.Login()
	if err := f.Version.err; err != nil {
		v := failed(err)
		if h.Token.Reveal() == "" {
			return v.onNode("pveum passwd " + h.User)
		}
		user, _ := userOf(who)
		return v.onNode("pveum user token list " + user)
	}
	if h.Token.Reveal() == "" {
		return ok(who + ", by password")
	}
	t := f.Token
	switch {
	case t.err != nil && !pve.IsKind(t.err, pve.Forbidden):
		return ok(who + "; when it expires is not known: " + failed(t.err).detail)
	case t.err != nil:
		return ok(who + "; when it expires is told only to a login with User.Modify")
	case t.value.Expires.IsZero():
		return ok(who + ", never expires")
	}
	return judgeExpiry(who, t.value.Expires, f.Target.Now())
}

func judgeExpiry(who string, at, now time.Time) verdict {
	user, name := userOf(who)
	extend := fmt.Sprintf("pveum user token modify %s %s --expire 0", user, name)
	when := at.UTC().Format("2006-01-02 15:04 MST")
	switch {
	case now.After(at):
		return fail(exit.Unreachable, who+" has expired at "+when).onNode(extend)
	case at.Sub(now) < soon:
		return warn(who + " expires at " + when).onNode(extend)
	}
	return ok(who + ", expires at " + when)
}
