package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/infrahaus/infrahaus/internal/community"
	"github.com/infrahaus/infrahaus/internal/fetch"
	"github.com/infrahaus/infrahaus/internal/template"
)

// communityPrefix is how the name of an installer begins.
const communityPrefix = "community:"

// importCommunity makes a template of an installer of community-scripts/ProxmoxVE.
func (a *app) importCommunity(ctx context.Context, name, from string, target []string) error {
	if from == "" {
		return usagef("--from must name a checkout of community-scripts/ProxmoxVE").
			hint("%s", a.command("template", "import", communityPrefix+name, "--from", "git+https://github.com/community-scripts/ProxmoxVE"))
	}
	checkout, err := a.checkout(ctx, from)
	if err != nil {
		return err
	}
	to := name
	if len(target) == 1 {
		to = homePath(target[0])
	}
	files, report, err := community.Import(to, checkout, name)
	if failed := notImported(name, err); failed != nil {
		if missing, ok := errors.AsType[*community.Missing](err); ok && missing.Like != "" {
			return failed.hint("%s", a.command("template", "import", communityPrefix+missing.Like, "--from", from))
		}
		return failed
	}
	return a.reportImport(communityPrefix+name, to, files, report, err)
}

// notImported is the error of an installer that cannot be imported: exit status 2, with
// each place in its files. It is nil for other errors.
func notImported(name string, err error) *failure {
	wrong, ok := errors.AsType[*template.Error](err)
	_, missing := errors.AsType[*community.Missing](err)
	switch {
	case ok:
		var b strings.Builder
		for _, p := range wrong.Problems {
			b.WriteString("\n    " + p.String())
		}
		return failf(2, "cannot import %s%s:%s", communityPrefix, name, b.String())
	case missing || errors.Is(err, community.ErrName):
		return failf(2, "cannot import %s%s: %w", communityPrefix, name, err)
	}
	return nil
}

// checkout is the folder of a checkout, which is fetched if it is an address.
func (a *app) checkout(ctx context.Context, from string) (community.Checkout, error) {
	if !fetch.IsRemote(from) {
		dir := homePath(from)
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return community.Checkout{}, usagef("--from: there is no folder %s", from)
		}
		return community.Checkout{FS: os.DirFS(dir), Name: from}, nil
	}
	f, err := a.fetcher(ctx, nil, lookUp{})
	if err != nil {
		return community.Checkout{}, err
	}
	found, err := f.Resolve(ctx, from, "", fetch.Anew)
	if err != nil {
		return community.Checkout{}, err
	}
	for _, n := range found.Notes {
		a.warn(n, "")
	}
	pinned, err := fetch.Parse(found.Resolved)
	if err != nil {
		return community.Checkout{}, fmt.Errorf("cannot read the address %s: %w", found.Resolved, err)
	}
	return community.Checkout{FS: os.DirFS(found.Dir), Name: strings.TrimSuffix(pinned.Repository(), ".git"), Commit: pinned.ID()}, nil
}
