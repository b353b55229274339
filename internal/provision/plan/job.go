package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/template"
)

// Job is the work that a create is asked for. It is on record, so that a resume or a sync
// can continue it.
type Job struct {
	Spec     lxc.Spec
	Template *template.Template
	Values   template.Values
	Skip     []string          // names of scripts that must never run
	SkipNow  []string          // names of scripts that this sync or resume, and those that continue it, must not run
	Packages []string          // --package, for the guest's own package manager
	Env      map[string]string // --env: for the environment of a container from an image
	NoBake   bool              // no baked image is used
	Bake     *Bake             // the container becomes an image: Template is only the part of one; nil: it does not
	Given    *Given            // the parts of Spec that the command line gave; nil: not known, so all of them

	ConfigRepoURL string // CONFIG_REPO_URL in the guest; "" for none
	ConfigBranch  string
	Facts         *template.Facts // of the guest, for the conditions of scripts; nil: nobody has looked inside
	Password      string          // root's, 24 random characters
}

// Bake is the image that a container becomes.
type Bake struct {
	Storage string
	Name    string // "": not known before its OS template is downloaded
}

// Digest stays the same as long as a guest gets the same files and packages: those of the
// template, and the names from --package.
func (j Job) Digest() string {
	if len(j.Packages) == 0 {
		return j.Template.Digest
	}
	sum := sha256.Sum256([]byte(j.Template.Digest + "\n" + strings.Join(j.Packages, "\n")))
	return hex.EncodeToString(sum[:])
}

// Scripts are the template's enabled scripts in their order, without those that
// --skip-script names, and those whose condition does not hold. A condition that is not
// known yet holds.
func (j Job) Scripts() []template.Script {
	return slices.DeleteFunc(j.Template.EnabledScripts(), func(s template.Script) bool { return j.Skips(s.Name) || j.unmet(s) != "" })
}

// runs reports whether a script is one of Scripts.
func (j Job) runs(script string) bool {
	return slices.ContainsFunc(j.Scripts(), func(s template.Script) bool { return s.Name == script })
}

// unmet is the reason why the condition of a script does not hold, or "".
func (j Job) unmet(s template.Script) string {
	_, _, why := s.When.Decide(j.Values, j.Facts)
	return why
}

// Skips reports whether a script must not run.
func (j Job) Skips(script string) bool {
	return slices.Contains(j.Skip, script) || slices.Contains(j.SkipNow, script)
}
