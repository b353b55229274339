package cli

import (
	"slices"
	"strings"
	"testing"

	"github.com/infrahaus/infrahaus/internal/catalogue"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/template"
)

func TestDiffers(t *testing.T) {
	standard := func() *template.Template {
		s := template.Standard()
		return &template.Template{
			Name: "t", OS: "debian-12", Cores: s.Cores, MemoryMiB: s.MemoryMiB, SwapMiB: s.SwapMiB, DiskGiB: s.DiskGiB,
			Unprivileged: s.Unprivileged, Network: s.Network,
			Variables: []template.Variable{{Name: "colour"}, {Name: "token", Secret: true}},
		}
	}
	for _, tt := range []struct {
		name  string
		was   func(*catalogue.Asked, *lxc.Container)
		tpl   func(*template.Template)
		now   func(*lxc.Spec, *plan.Job)
		given string // flags on the command line
		set   map[string]string
		want  string // the lines, joined with "; "
	}{
		{name: "the same"},
		{name: "another default of this tool asks for nothing", was: func(a *catalogue.Asked, _ *lxc.Container) { a.Spec.MemoryMiB, a.Spec.Cores = 2048, 4 }},
		{
			name: "the template asks", tpl: func(t *template.Template) { t.MemoryMiB = 1024 },
			was:  func(a *catalogue.Asked, _ *lxc.Container) { a.Spec.MemoryMiB = 512 },
			want: "memory: 512 on record, 1024 asked for",
		},
		{
			name: "the command line asks for the default", given: "memory",
			was:  func(a *catalogue.Asked, _ *lxc.Container) { a.Spec.MemoryMiB = 1024 },
			want: "memory: 1024 on record, 512 asked for",
		},
		{
			name: "another template", was: func(_ *catalogue.Asked, c *lxc.Container) { c.Template = "u" },
			want: "template: u on record, t asked for",
		},
		{
			name: "another OS", was: func(a *catalogue.Asked, _ *lxc.Container) { a.Spec.OSTemplate = "alpine-3" },
			want: "os: alpine-3 on record, debian-12 asked for",
		},
		{
			name: "the id and the node that Proxmox chose", given: "ctid node",
			now:  func(s *lxc.Spec, _ *plan.Job) { s.CTID, s.Node = 101, "pve2" },
			want: "ctid: 100 on record, 101 asked for; node: pve1 on record, pve2 asked for",
		},
		{
			name: "it has moved to another node", given: "node",
			was: func(a *catalogue.Asked, c *lxc.Container) { a.Spec.Node, c.Node = "pve2", "pve1" },
			now: func(s *lxc.Spec, _ *plan.Job) { s.Node = "pve2" },
		},
		{
			name: "addresses", given: "ip vlan nameserver",
			now: func(s *lxc.Spec, _ *plan.Job) {
				s.Network = lxc.Network{IPv4: "10.0.0.5/24", Gateway4: "10.0.0.1", VLAN: 5, Nameservers: []string{"1.1.1.1"}}
			},
			want: "vlan: none on record, 5 asked for; ip: dhcp on record, 10.0.0.5/24,10.0.0.1 asked for; nameserver: none on record, 1.1.1.1 asked for",
		},
		{
			name: "switches", given: "privileged onboot console nesting",
			now: func(s *lxc.Spec, _ *plan.Job) {
				s.Unprivileged, s.OnBoot, s.Console, s.Features.Nesting = false, true, "shell", true
			},
			want: "unprivileged: true on record, false asked for; nesting: false on record, true asked for; " +
				"onboot: false on record, true asked for; console: tty on record, shell asked for",
		},
		{
			name: "lists may be longer on record", given: "tag",
			was: func(a *catalogue.Asked, _ *lxc.Container) {
				a.Spec.Tags, a.Packages = []string{"a", "b"}, []string{"curl"}
			},
			now: func(s *lxc.Spec, j *plan.Job) {
				s.Tags, s.SSHKeys, j.Packages = []string{"b", "c"}, []string{"ssh-ed25519 AAAA me@here"}, []string{"curl", "git"}
			},
			want: "tag: c is not on record, and asked for; ssh-key: the key of me@here is not on record, and asked for; package: git is not on record, and asked for",
		},
		{
			name: "variables", set: map[string]string{"colour": "red", "token": "secret2"},
			was: func(a *catalogue.Asked, _ *lxc.Container) {
				a.Values = map[string]string{"colour": "blue", "token": "secret1"}
			},
			want: "variable colour: blue on record, red asked for; variable token: another value on record than asked for",
		},
		{
			name: "a variable that is not set asks for nothing",
			was:  func(a *catalogue.Asked, _ *lxc.Container) { a.Values = map[string]string{"colour": "blue"} },
		},
		{
			name: "a new variable", set: map[string]string{"colour": "red\nor blue"}, was: func(a *catalogue.Asked, _ *lxc.Container) { a.Values = map[string]string{} },
			want: `variable colour: nothing on record, "red\nor blue" asked for`,
		},
	} {
		tpl := standard()
		asked := &catalogue.Asked{Spec: tpl.Spec()}
		c := lxc.Container{CTID: 100, Node: "pve1", Hostname: "web", Template: "t"}
		if tt.tpl != nil {
			tt.tpl(tpl)
		}
		if tt.was != nil {
			tt.was(asked, &c)
		}
		job := plan.Job{Spec: tpl.Spec(), Template: tpl}
		if tt.now != nil {
			tt.now(&job.Spec, &job)
		}
		given := strings.Fields(tt.given)
		got := differs(c, asked, wanted{job: job, given: func(f string) bool { return slices.Contains(given, f) }, set: tt.set})
		if text := strings.Join(got, "; "); text != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.name, text, tt.want)
		}
	}
	if got := differs(lxc.Container{Adopted: true}, nil, wanted{job: plan.Job{Template: standard()}}); len(got) != 1 || !strings.Contains(got[0], "adopted") {
		t.Errorf("an adopted one: %q", got)
	}
}
