package template

import (
	"cmp"
	"strconv"
	"strings"
)

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
		out[i] = s
	}
	return out, nil
}
