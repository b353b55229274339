package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/pflag"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/template"
)

// packageOptions are the flags that add packages to those of the template, for commands
// that continue with a container.
type packageOptions struct {
	packages []string
	none     bool
}

func (o *packageOptions) register(f *pflag.FlagSet) {
	f.StringArrayVar(&o.packages, "package", nil, "a `package` to install besides the template's; replaces those of create and of an earlier --package; may be repeated")
	f.BoolVar(&o.none, "no-packages", false, "install no packages besides the template's")
}

func (o *packageOptions) check() error {
	if o.none && len(o.packages) > 0 {
		return usagef("--package and --no-packages exclude each other")
	}
	return checkPackages(o.packages)
}

// apply replaces the packages on record.
func (o *packageOptions) apply(m *catalogue.Remembered) {
	if o.none || len(o.packages) > 0 {
		m.Packages = o.packages
	}
}

// checkPackages refuses names that no package manager accepts, before they are recorded.
// A comma or "!" belongs to a list of pip or npm; the guest's own package manager has none.
func checkPackages(names []string) error {
	for _, name := range names {
		why := template.CheckPackage(name)
		if why == "" && strings.ContainsAny(name, ",!") {
			why = fmt.Sprintf("%q is no package name", name)
		}
		if why != "" {
			return usagef("--package: %s", why).hint("one name each, with or without a version, without spaces: --package curl --package git")
		}
	}
	return nil
}
