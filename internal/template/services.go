package template

import (
	"cmp"
	"strconv"
	"strings"
)

// serviceDoc is one entry of services.
type serviceDoc struct {
	Name     string      `yaml:"name" required:"true" pattern:"^[A-Za-z0-9._@-]+$" hint:"the unit's name without .service" desc:"As discovery names it: a unit without .service, or a Docker container." example:"postgresql"`
	Unit     string      `yaml:"unit" pattern:"^[A-Za-z0-9._@:-]+$" hint:"such as postgresql@15-main" desc:"The unit, where it is named otherwise." example:"postgresql@15-main"`
	Port     portDoc     `yaml:"port" desc:"The port on which it has to listen, or ${variable}." example:"5432"`
	Ports    []portDoc   `yaml:"ports" desc:"Several ports, instead of port: it must listen on all of them. HTTP is asked for on the first." example:"[80, 443]"`
	Protocol string      `yaml:"protocol" enum:"tcp,udp" desc:"Default: tcp." example:"tcp"`
	HTTP     pathDoc     `yaml:"http" desc:"A path to ask for by HTTP; ready means an answer below 500." example:"/health"`
	HTTPS    pathDoc     `yaml:"https" desc:"The same by HTTPS; the certificate is not checked." example:"/"`
	TCP      bool        `yaml:"tcp" desc:"Whether a TCP connection is enough; it is where no HTTP is asked for." example:"true"`
	Command  string      `yaml:"command" desc:"A shell command that succeeds in the container once the service is ready, each try within 10 s." example:"pg_isready -q"`
	Timeout  durationDoc `yaml:"timeout" desc:"How long to wait: seconds, or a text such as 2m. Default: 60 s." example:"2m"`
	Enabled  bool        `yaml:"enabled" desc:"Whether every boot has to start it. create and sync enable its unit then. A sync starts a unit that does not run in any case." example:"true"`
}

// services checks the declared services.
func services(docs []serviceDoc, vars []Variable, d *decoder) []Service {
	var out []Service
	seen := map[string]bool{}
	for i, doc := range docs {
		path := index("services", i)
		if doc.Name != "" && seen[doc.Name] {
			d.bad(join(path, "name"), "one entry a service", "%q is declared twice", doc.Name)
		}
		seen[doc.Name] = true
		s := Service{
			Name: doc.Name, Unit: doc.Unit, Port: doc.Port.port, Protocol: doc.Protocol, HTTP: doc.HTTP.path,
			Timeout: doc.Timeout.d, portVar: doc.Port.variable, Enabled: doc.Enabled,
			Command: strings.TrimSpace(doc.Command),
		}
		if why := badText([]byte(doc.Command)); why != "" {
			d.bad(join(path, "command"), "", "it cannot be used: %s", why)
		}
		for n, port := range doc.Ports {
			at := index(join(path, "ports"), n)
			checkPortVar(at, port.variable, vars, d)
			switch {
			case d.given(join(path, "port")):
				d.bad(join(path, "ports"), "remove one of them", "a service has either port or ports")
			case n == 0:
				s.Port, s.portVar = port.port, port.variable
			default:
				s.also = append(s.also, port)
				if port.variable == "" {
					s.Also = append(s.Also, port.port)
				}
			}
		}
		if s.Protocol == "" {
			s.Protocol = "tcp"
		}
		if s.Timeout == 0 {
			s.Timeout = serviceTimeout
		}
		if p := doc.HTTPS.path; p != "" {
			if s.HTTP != "" {
				d.bad(join(path, "https"), "declare a second service for the other", "a service answers by either http or https")
			}
			s.HTTP, s.TLS = p, true
		}
		usual(&s)
		if s.Protocol == "udp" && (s.HTTP != "" || doc.TCP) {
			d.bad(join(path, "protocol"), "", "a udp port answers neither HTTP nor TCP")
		}
		if doc.TCP && s.Port == 0 && s.portVar == "" {
			d.bad(join(path, "tcp"), "add port", "there is no port to connect to")
		}
		checkPortVar(join(path, "port"), s.portVar, vars, d)
		out = append(out, s)
	}
	return out
}

// usual fills in HTTP's usual port if none is given.
func usual(s *Service) {
	if s.HTTP == "" || s.Port != 0 || s.portVar != "" {
		return
	}
	s.Port = 80
	if s.TLS {
		s.Port = 443
	}
}

func checkPortVar(path, name string, vars []Variable, d *decoder) {
	if name == "" {
		return
	}
	var names []string
	for _, v := range vars {
		if v.Name == name {
			if v.Type != "port" && v.Type != "int" {
				d.bad(path, "give it type: port", "variable %q is of type %s", name, v.Type)
			} else if n, err := strconv.Atoi(v.Default); v.HasDefault && err == nil && !isPort(n) {
				d.bad(join(join("variables", name), "default"), "1..65535", "%d is no port, and a service listens on it", n)
			}
			return
		}
		names = append(names, v.Name)
	}
	suggestion := "declare it under variables"
	if near := nearest(name, names); near != "" {
		suggestion = "did you mean ${" + near + "}?"
	}
	d.bad(path, suggestion, "there is no variable %q", name)
}

func isPort(n int) bool { return n >= 1 && n <= 65535 }

// Ports are the ports on which it has to listen, before variables are filled in: 80, ${port}.
func (s Service) Ports() (out []string) {
	also := s.also
	if also == nil { // one that is not from a file
		for _, port := range s.Also {
			also = append(also, portDoc{port: port})
		}
	}
	for _, p := range append([]portDoc{{port: s.Port, variable: s.portVar}}, also...) {
		switch {
		case p.variable != "":
			out = append(out, "${"+p.variable+"}")
		case p.port != 0:
			out = append(out, strconv.Itoa(p.port))
		}
	}
	return out
}

// UnitName is the name of the service's unit, without .service.
func (s Service) UnitName() string { return strings.TrimSuffix(cmp.Or(s.Unit, s.Name), ".service") }

// DeclaredServices returns the services with their ports filled in from the values.
func (t *Template) DeclaredServices(v Values) ([]Service, error) {
	out := make([]Service, len(t.Services))
	for i, s := range t.Services {
		if s.portVar != "" {
			text, _ := v.Get(s.portVar)
			port, err := strconv.Atoi(text)
			if err != nil || !isPort(port) {
				return nil, &VariableError{t.Name, []Problem{{Message: s.portVar + " must be a port, 1..65535: service " + s.Name + " listens on it"}}}
			}
			s.Port = port
		}
		s.Also = nil
		for _, p := range s.also {
			if p.variable != "" {
				text, _ := v.Get(p.variable)
				port, err := strconv.Atoi(text)
				if err != nil || !isPort(port) {
					return nil, &VariableError{t.Name, []Problem{{Message: p.variable + " must be a port, 1..65535: service " + s.Name + " listens on it"}}}
				}
				p.port = port
			}
			s.Also = append(s.Also, p.port)
		}
		out[i] = s
	}
	return out, nil
}
