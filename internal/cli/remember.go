package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/fetch"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/template"
)

// recordOf returns a container's record outside of a run.
func (a *app) recordOf(c lxc.Container) *catalogue.Record {
	return catalogue.Of(a.store, a.vault, c.RecordID)
}

// remember reads the job that a container was made for, with the template as it is now. Of
// a remote template, it is the content on record. set overrides variables.
func (a *app) remember(ctx context.Context, c lxc.Container, set map[string]string) (*catalogue.Remembered, error) {
	return a.recall(ctx, c, set, nil, fetch.Known)
}

// rememberAnew is remember, but of a remote template with what its branch, tag or archive is
// now. The variables that unset names follow the template again.
func (a *app) rememberAnew(ctx context.Context, c lxc.Container, set map[string]string, unset []string) (*catalogue.Remembered, error) {
	return a.recall(ctx, c, set, unset, fetch.Anew)
}

func (a *app) recall(ctx context.Context, c lxc.Container, set map[string]string, unset []string, mode fetch.Mode) (*catalogue.Remembered, error) {
	return a.recordOf(c).Remember(ctx, c, catalogue.Today{
		Find: func(ref string, known map[string]string) (*template.Template, error) {
			how := lookUp{known: known, mode: mode, use: true}
			if a.carried != nil {
				return a.carried.find(ctx, a, ref, how)
			}
			return a.lookTemplate(ctx, ref, how)
		},
		Set: set, Unset: unset, ConfigRepoURL: a.cfg.ConfigRepoURL,
	})
}

// stepOrScript checks the argument of --from.
func stepOrScript(t *template.Template, from string) error {
	words := []string{"starting", "deploying", "syncing", "finalizing"}
	for _, s := range t.EnabledScripts() {
		words = append(words, s.Name)
	}
	switch {
	case from == "" || slices.Contains(words, from):
		return nil
	case from == "creating":
		return usagef("a container that is there is not created again").hint("destroy it first, or say --from deploying")
	}
	return usagef("--from names no step and no script: %q", from).hint("it is one of: %s", strings.Join(words, ", "))
}
