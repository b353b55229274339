package fleet

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

const shop = `name: shop
parallel: 8
defaults:
  template: nginx
  memory: 256
  tags: [shop]
  ip: 192.0.2.10-192.0.2.20/24,192.0.2.1
  variables: {port: 80, title: Shop}
containers:
  web:
    count: 2
    needs: [app]
    tags: [edge]
    variables: {title: Front}
  app:
    template: ./app
    needs: [db]
    memory: 512
  db:
    template: postgresql
    ip: 192.0.2.5/24
    variableFiles: {password: ./secret}
`

func TestParse(t *testing.T) {
	f, err := Parse("dir/fleet.yaml", []byte(shop))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range f.Containers {
		line := fmt.Sprint(c.Name, " ", c.Where, " ", c.Needs)
		for _, s := range c.Settings {
			line += " --" + s.Flag + " " + s.Value
		}
		if c.IP != nil {
			line += fmt.Sprint(" ", c.IP.First, "-", c.IP.Last)
		}
		got = append(got, line)
	}
	want := `web-1 dir/fleet.yaml:10:3 [app] --template nginx --set port=80 --set title=Front --memory 256 --tag shop --tag edge 192.0.2.10-192.0.2.20
web-2 dir/fleet.yaml:10:3 [app] --template nginx --set port=80 --set title=Front --memory 256 --tag shop --tag edge 192.0.2.10-192.0.2.20
app dir/fleet.yaml:15:3 [db] --template ./dir/app --set port=80 --set title=Shop --memory 512 --tag shop 192.0.2.10-192.0.2.20
db dir/fleet.yaml:19:3 [] --template postgresql --set port=80 --set title=Shop --set-file password=./dir/secret --memory 256 --ip 192.0.2.5/24 --tag shop`
	if text := strings.Join(got, "\n"); text != want {
		t.Errorf("got\n%s\nwant\n%s", text, want)
	}
	if f.Name != "shop" || f.Parallel != 8 || f.PerNode != 0 {
		t.Errorf("%+v", f)
	}
}

// Every fault is named with its place.
func TestParseRefuses(t *testing.T) {
	head := "name: x\ncontainers:\n"
	for text, want := range map[string]string{
		"":                                   "f.yaml: it is empty",
		"null\n":                             "f.yaml: it is empty",
		"name: x\n":                          "f.yaml:1:1: containers is missing",
		"containers: {a: {os: debian-12}}\n": "f.yaml:1:1: name is missing",
		"name: x\ncontainer:\n":              `f.yaml:2:1: unknown key "container" (did you mean "containers"?)`,
		head + "  a:\n    os: debian-12\n    memroy: 5\n":                                     `f.yaml:5:5: unknown key "containers.a.memroy" (did you mean "memory"?)`,
		head + "  a:\n    os: debian-12\n    memory: 1G\n":                                    "f.yaml:5:13: containers.a.memory: it must be a whole number",
		head + "  a:\n    os: debian-12\n    memory: 1\n":                                     "f.yaml:5:13: containers.a.memory: 1 is not within 16..16777216",
		head + "  a:\n    os: debian-12\n    count: -1\n":                                     "f.yaml:5:12: containers.a.count: -1 is not within 0..1000",
		head + "  a:\n\tos: x\n":                                                              "f.yaml:4:1: not YAML: ",
		head + "  a: {}\n":                                                                    "f.yaml:3:6: containers.a: it has neither template, os nor image",
		head + "  a: {os: d}\n  a: {os: d}\n":                                                 "f.yaml:4:3: containers.a is given twice",
		head + "  a: {os: d, needs: [b]}\n  b: {os: d, needs: [a]}\n":                         "f.yaml:4:22: containers.b.needs[0]: they wait for each other: a needs b needs a",
		head + "  a: {os: d, needs: [a]}\n":                                                   "f.yaml:3:22: containers.a.needs[0]: a needs itself",
		head + "  dbs: {os: d}\n  a: {os: d, needs: [db]}\n":                                  `f.yaml:4:22: containers.a.needs[0]: the fleet has no container "db" (did you mean "dbs"?)`,
		head + "  a_b: {os: d}\n":                                                             `f.yaml:3:8: containers.a_b: "a_b" `,
		head + "  a%d%d: {os: d, count: 2}\n":                                                 "must have one %d",
		head + "  web: {os: d, count: 2}\n  web-2: {os: d}\n":                                 "containers.web-2: the name web-2 is that of web, too",
		head + "  a: {os: d, count: 2, ip: 192.0.2.5/24}\n":                                   "containers.a.ip: one address is not for 2 containers",
		head + "  a: {os: d, ip: 192.0.2.9-192.0.2.5/24}\n":                                   "containers.a.ip: the range ends before it begins",
		head + "  a: {os: d, ip: 192.0.2.9-192.0.3.5/24}\n":                                   "are not in one network of /24",
		head + "  a: {os: d, ip: 192.0.2.9-192.0.2.12}\n":                                     "with the network's prefix length",
		head + "  a: {os: d, ip6: 192.0.2.9-192.0.2.12/24}\n":                                 "is of the other family",
		head + "  a: {os: d, count: 2, ctid: 200}\n":                                          "one id is not for several containers",
		head + "  a: {os: d, ctid: 200}\n  b: {os: d, ctid: 200}\n":                           "f.yaml:4:6: containers.b: it has the id 200, and so has a",
		"name: x\ndefaults: {ctid: 200}\ncontainers: {a: {os: d}, b: {os: d}}\n":              "containers.b: it has the id 200, and so has a",
		head + "  a: {os: d, ip: 192.0.2.5/24}\n  b: {os: d, ip: '192.0.2.5/24,192.0.2.1'}\n": "containers.b: it has the address 192.0.2.5, and so has a",
		"name: x\ndefaults: {count: 2}\ncontainers:\n  a: {os: d}\n":                          "f.yaml:2:19: defaults.count: it cannot be the same for all",
		"name: x\ndefaults: {ip: 192.0.2.9-x}\ncontainers: {a: {os: d}}\n":                    "f.yaml:2:16: defaults.ip: ",
	} {
		_, err := Parse("f.yaml", []byte(text))
		var e *Error
		if !errors.As(err, &e) || !strings.Contains(err.Error(), want) || e.ExitStatus() != 2 {
			t.Errorf("%s\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestRange(t *testing.T) {
	for text, want := range map[string]string{
		"192.0.2.10-192.0.2.12/24,192.0.2.11": "192.0.2.10/24,192.0.2.11 192.0.2.12/24,192.0.2.11",
		"192.0.2.0/29":                        "192.0.2.1/29 192.0.2.2/29 192.0.2.3/29 192.0.2.4/29 192.0.2.5/29 192.0.2.6/29",
		"192.0.2.0-192.0.2.7/29":              "192.0.2.1/29 192.0.2.2/29 192.0.2.3/29 192.0.2.4/29 192.0.2.5/29 192.0.2.6/29",
		"192.0.2.0/30,192.0.2.1":              "192.0.2.2/30,192.0.2.1",
		"2001:db8::10-2001:db8::11/64":        "2001:db8::10/64 2001:db8::11/64",
		"2001:db8::/126":                      "2001:db8::1/126 2001:db8::2/126 2001:db8::3/126",
	} {
		r, ok, err := ParseRange(text)
		if !ok || err != nil {
			t.Errorf("%s: %v %v", text, ok, err)
			continue
		}
		taken := map[netip.Addr]string{}
		var got []string
		for a, ok := r.pick(taken); ok; a, ok = r.pick(taken) {
			taken[a] = "x"
			got = append(got, r.text(a))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s", text, strings.Join(got, " "))
		}
	}
	for _, text := range []string{"dhcp", "none", "auto", "192.0.2.10/24", "192.0.2.10/24,192.0.2.1", "192.0.2.0/31", "nonsense", ""} {
		if r, ok, err := ParseRange(text); ok || err != nil {
			t.Errorf("%s: %+v %v", text, r, err)
		}
	}
}

// FuzzParse checks that no file makes the reader fail in another way than with problems.
func FuzzParse(f *testing.F) {
	f.Add(shop)
	f.Add("name: x\ncontainers: {a: {os: d, needs: [b]}, b: {os: d, needs: [a]}}")
	f.Add("name: x\ncontainers: {a%02d.b: {os: d, count: 3, ip: 192.0.2.0/29}}")
	f.Fuzz(func(t *testing.T, text string) {
		file, err := Parse("f.yaml", []byte(text))
		if err != nil {
			return
		}
		p := Decide(file, Create, World{})
		if len(p.Steps) != len(file.Containers) {
			t.Errorf("%d steps for %d containers", len(p.Steps), len(file.Containers))
		}
		seen := map[string]bool{}
		for _, s := range p.Steps {
			for _, need := range s.After {
				if !seen[need] {
					t.Errorf("%s comes before %s", s.Name, need)
				}
			}
			seen[s.Name] = true
		}
	})
}
