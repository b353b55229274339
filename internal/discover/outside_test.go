package discover

import (
	"fmt"
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

func TestOutside(t *testing.T) {
	image := &lxc.Image{Reference: "docker.io/library/nginx:1.29", Labels: map[string]string{"org.opencontainers.image.version": "1.29.4"}}
	declared := []Declared{{Name: "web", Port: 80, HTTP: "/"}, {Name: "dns", Port: 53, Protocol: "udp"}, {Name: "job"}, {Name: "dead", Port: 90, Command: "true"}}
	o := Outside{
		Ready: map[int]Readiness{0: {OK: true, How: "http 200"}, 3: {How: "port 90 does not answer from here"}},
		Open:  []int{8080, 80}, Image: image, Program: "/docker-entrypoint.sh nginx -g 'daemon off;'",
	}
	var got []string
	for _, s := range o.Services("10.0.0.5", declared) {
		got = append(got, fmt.Sprint(s.Name, " ", s.Status, " ", s.Ports, " ", s.URL, " ", s.Declared, " ", s.Note))
	}
	want := []string{
		"web running [{tcp 10.0.0.5 80}] http://10.0.0.5 true answers over the network",
		"dns running [{udp 10.0.0.5 53}]  true a UDP port cannot be asked from outside",
		"job running []  true it has no port that could be asked from outside",
		"dead unready []  true port 90 does not answer from here; its command was not run, because nobody can look inside",
		"nginx running [{tcp 10.0.0.5 8080}] http://10.0.0.5:8080 false version 1.29.4",
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("\n%q\n%q", got, want)
	}
	if s := (Outside{Program: "/usr/local/bin/redis-server --bind 0.0.0.0"}).Services("", nil); len(s) != 1 || s[0].Name != "redis-server" {
		t.Errorf("%+v", s)
	}
}
