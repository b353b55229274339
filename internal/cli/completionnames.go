package cli

import (
	"context"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/fetch"
	"github.com/infrahaus/infrahaus/internal/template"
)

// template is the one that --template names, or that of the container among the arguments;
// nil if it cannot be found.
func (p *peeker) template(ctx context.Context, cmd *cobra.Command, args []string) *template.Template {
	ref := flagText(cmd, "template")
	if ref == "" {
		c, ok := p.container(ctx, args)
		if !ok {
			return nil
		}
		if ref, _ = catalogue.JobNames(ctx, p.store, c.RecordID); ref == "" {
			ref = c.Template
		}
	}
	t, err := p.app.lookTemplate(ctx, ref, lookUp{mode: fetch.Local})
	if err != nil {
		return nil
	}
	return t
}

// completeVariables completes NAME=VALUE by the template's variables, and a value where its
// type has few. values says how else a value is completed.
func (a *app) completeVariables(values cobra.ShellCompDirective) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
		var names []string
		name, _, hasValue := strings.Cut(word, "=")
		a.peek(func(ctx context.Context, p *peeker) {
			t := p.template(ctx, cmd, args)
			if t == nil {
				return
			}
			for _, v := range t.Variables {
				switch {
				case !hasValue:
					names = append(names, cobra.CompletionWithDesc(v.Name+"=", strings.TrimLeft(variableNote(v), " ")))
				case v.Name == name && values != cobra.ShellCompDirectiveDefault:
					names = append(names, valuesOf(v)...)
				}
			}
		})
		if hasValue {
			return names, values
		}
		return names, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	}
}

// valuesOf are the values of a variable that can be guessed.
func valuesOf(v template.Variable) []string {
	switch {
	case v.Secret:
		return nil
	case v.Type == "enum":
		var out []string
		for _, value := range v.Values {
			out = append(out, v.Name+"="+value)
		}
		return out
	case v.Type == "bool":
		return []string{v.Name + "=true", v.Name + "=false"}
	case v.HasDefault:
		return []string{v.Name + "=" + v.Default}
	}
	return nil
}

// scriptNames are the scripts of a container's last job, or of a template.
func scriptNames(ctx context.Context, p *peeker, cmd *cobra.Command, args []string) []string {
	if c, ok := p.container(ctx, args); ok {
		if _, scripts := catalogue.JobNames(ctx, p.store, c.RecordID); len(scripts) > 0 {
			return scripts
		}
	}
	var names []string
	if t := p.template(ctx, cmd, args); t != nil {
		for _, s := range t.Scripts {
			names = append(names, s.Name)
		}
	}
	return names
}

// fromNames are the phases that resume --from takes, and the scripts.
func fromNames(ctx context.Context, p *peeker, cmd *cobra.Command, args []string) []string {
	var names []string
	for _, s := range event.Steps[1:] {
		names = append(names, string(s))
	}
	return append(names, scriptNames(ctx, p, cmd, args)...)
}

// foundServices are the services that were found in a container.
func foundServices(ctx context.Context, p *peeker, _ *cobra.Command, args []string) []string {
	c, ok := p.container(ctx, args)
	if !ok {
		return nil
	}
	services, _, err := p.store.Services(ctx, c.RecordID)
	if err != nil {
		return nil
	}
	var names []string
	for _, s := range services {
		names = append(names, s.Name)
	}
	return names
}

// completeCredentials offers a container, then a service that has credentials, then a key.
func (a *app) completeCredentials(cmd *cobra.Command, args []string, word string) ([]string, cobra.ShellCompDirective) {
	if len(args) == 0 {
		return a.completeContainers(cmd, args, word)
	}
	var names []string
	a.peek(func(ctx context.Context, p *peeker) {
		c, ok := p.container(ctx, args)
		if !ok {
			return
		}
		sealed, err := p.store.Credentials(ctx, c.RecordID)
		if err != nil {
			return
		}
		for _, s := range sealed {
			switch {
			case strings.HasPrefix(s.Service, "_"): // the tool's own
			case len(args) == 1:
				names = append(names, s.Service)
			case len(args) == 2 && s.Service == args[1]:
				names = append(names, s.Keys...)
			}
		}
	})
	slices.Sort(names)
	return names, cobra.ShellCompDirectiveNoFileComp
}
