package cli

import (
	"context"
	"sync"

	"github.com/infrahaus/infrahaus/internal/template"
)

// looked are the templates that the work on several containers has found: each is looked for,
// fetched and warned about once.
type looked struct {
	app   *app // the command's own
	mu    sync.Mutex
	known map[string]*template.Template
	told  map[*template.Template]bool
}

// templateFor finds a template for a create.
func (a *app) templateFor(ctx context.Context, ref string) (*template.Template, error) {
	l := a.looked
	if l == nil {
		return a.lookTemplate(ctx, ref, lookUp{use: true})
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if t := l.known[ref]; t != nil {
		return t, nil
	}
	t, err := l.app.lookTemplate(ctx, ref, lookUp{use: true})
	if err == nil {
		l.known[ref] = t
	}
	return t, err
}

// warnOf shows the warnings about a template.
func (a *app) warnOf(t *template.Template) {
	if l := a.looked; l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.told[t] {
			return
		}
		l.told[t] = true
		a = l.app
	}
	for _, w := range t.Warnings {
		a.warn(w.String(), "")
	}
}
