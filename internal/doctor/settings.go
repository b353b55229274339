package doctor

import (
	"errors"
	"strings"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/exit"
)

// judgeSettings judges the config and the environment.
func judgeSettings(f *Facts) verdict {
	t := f.Target
	if t.Host == nil {
		return settingsFailed(t)
	}
	from := "from the environment"
	if t.Local != nil && t.Local.ConfigFile != "" {
		from = t.Local.ConfigFile
	}
	if t.Name == config.SandboxHost {
		from = "the embedded sandbox"
	}
	if len(t.Warnings) == 0 {
		return ok(from)
	}
	v := warn(from + ": " + strings.Join(t.Warnings, "; "))
	for _, w := range t.Warnings {
		if _, command, found := strings.Cut(w, ": chmod "); found {
			return v.here("chmod " + command)
		}
	}
	return v.here(t.setting(""))
}

func settingsFailed(t Target) verdict {
	if t.Settings == nil {
		return fail(exit.Usage, "no host").here("infrahaus init")
	}
	v := failed(t.Settings)
	var e *config.Error
	if !errors.As(t.Settings, &e) {
		return v.here(t.setting(""))
	}
	if e.Next != "" {
		v.detail += "; " + e.Next
	}
	switch {
	case e.File != "":
		return v.here("${EDITOR:-vi} " + quote(e.File))
	case errors.Is(t.Settings, config.ErrNoHost):
		return v.here("infrahaus init")
	}
	return v
}
