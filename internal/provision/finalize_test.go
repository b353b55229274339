package provision

import (
	"testing"

	"github.com/infrahaus/infrahaus/internal/lxc"
)

func TestServiceSentence(t *testing.T) {
	web := []lxc.Port{{Protocol: "tcp", Address: "0.0.0.0", Port: 80}, {Protocol: "tcp", Address: "::", Port: 80}}
	for want, s := range map[string]lxc.Service{
		"nginx is running on 80/tcp":      {Name: "nginx", Type: lxc.Systemd, Status: lxc.Running, Ports: web},
		"notes has failed":                {Name: "notes", Type: lxc.Systemd, Status: lxc.Errored},
		"notes does not answer on 80/tcp": {Name: "notes", Type: lxc.Systemd, Status: lxc.Unready, Ports: web},
		"cron is stopped":                 {Name: "cron", Type: lxc.Systemd, Status: lxc.Stopped},
		"db is unhealthy":                 {Name: "db", Type: lxc.Docker, Status: "unhealthy"},
		"credentials of db":               {Name: "db", Type: lxc.Credential, Status: lxc.Stopped},
	} {
		if got := serviceSentence(s); got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}
