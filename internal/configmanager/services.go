package configmanager

import (
	"strings"

	"github.com/infrahaus/infrahaus/internal/guest"
)

// Service is the unit of a service that the template declares.
type Service struct {
	Unit    string // without .service
	Enabled bool   // every boot has to start it
}

// ServiceDrift is the state of a declared service's unit. It is empty if the guest has no
// such unit, as for a container of Docker.
type ServiceDrift struct {
	Service
	Load, Active, File string // systemd's LoadState, ActiveState and UnitFileState
}

// Stopped reports whether a sync has to start the unit.
func (s ServiceDrift) Stopped() bool {
	return s.Load == "loaded" && (s.Active == "inactive" || s.Active == "failed")
}

// Disabled reports whether a sync has to enable the unit. A unit that is static, generated
// or an alias cannot be enabled.
func (s ServiceDrift) Disabled() bool {
	return s.Service.Enabled && s.Load == "loaded" && s.File == "disabled"
}

// services is the text after drift.sh that looks at the units, in a section of their own.
func (in Input) services() string {
	if len(in.Services) == 0 {
		return ""
	}
	words := []string{"echo '== units'\nunits"}
	for _, s := range in.Services {
		words = append(words, guest.Quote(s.Unit))
	}
	return strings.Join(words, " ") + "\necho '== packages'\n"
}

// serviceDrift combines the guest's answers with the names of the units.
func (in Input) serviceDrift(said map[int]ServiceDrift) []ServiceDrift {
	var out []ServiceDrift
	for i, s := range in.Services {
		d := said[i]
		d.Service = s
		out = append(out, d)
	}
	return out
}
