package survey_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/event"
	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/provision/plan"
	"github.com/infrahaus/infrahaus/internal/provision/survey"
	"github.com/infrahaus/infrahaus/internal/pve"
)

const (
	mac    = "BC:24:11:00:00:01"
	own    = "UPID:pve1:0000654C:0004C3ED:6B03A893:vzcreate:100:root@pam!cli:"
	others = "UPID:pve1:0000654D:0004C3EE:6B03A894:vzcreate:100:other@pve:"
	start  = "UPID:pve1:0000654E:0004C3EF:6B03A895:vzstart:100:root@pam!cli:"

	blank  = `{"lock":"create"}`
	full   = `{"hostname":"web","net0":"name=eth0,hwaddr=` + mac + `,bridge=vmbr0","description":"infrahaus:01J\n"}`
	half   = `{"lock":"create","hostname":"web","net0":"name=eth0,hwaddr=` + mac + `,bridge=vmbr0"}`
	theirs = `{"hostname":"db","net0":"name=eth0,hwaddr=BC:24:11:FF:FF:FF,bridge=vmbr0"}`
)

// proxmox answers each path with its JSON data, or with an error of that text. A request
// that changes anything fails the test.
func proxmox(t *testing.T, answers map[string]string) *pve.Client {
	t.Helper()
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("the survey sent %s %s", r.Method, r.URL.Path)
		}
		data, ok := answers[strings.TrimPrefix(r.URL.Path, "/api2/json")]
		if !ok {
			data = "no such thing here does not exist"
		}
		if json.Valid([]byte(data)) {
			_, _ = io.WriteString(w, `{"data":`+data+`}`)
			return
		}
		w.WriteHeader(http.StatusInternalServerError)
		_ = json.NewEncoder(w).Encode(map[string]any{"data": nil, "message": data})
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	t.Cleanup(s.Close)
	c, err := pve.New(pve.Options{URL: s.URL, Token: "root@pam!cli=secret", Insecure: true})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const (
	missing = "Configuration file 'nodes/pve1/lxc/100.conf' does not exist"
	config  = "/nodes/pve1/lxc/100/config"
	status  = "/nodes/pve1/lxc/100/status/current"
	tasks   = "/nodes/pve1/tasks"
)

func ended(upid, exit string) (path, data string) {
	return tasks + "/" + upid + "/status", `{"status":"stopped","exitstatus":"` + exit + `"}`
}

func running(upid string) (path, data string) {
	return tasks + "/" + upid + "/status", `{"status":"running"}`
}

// on makes the answers from paths and data in turn.
func on(pairs ...string) map[string]string {
	m := map[string]string{"/cluster/resources": `[]`, "/nodes": `[]`}
	for i := 0; i < len(pairs); i += 2 {
		m[pairs[i]] = pairs[i+1]
	}
	return m
}

func add(m map[string]string, path, data string) map[string]string {
	m[path] = data
	return m
}

func newest(upid string) string { return `[{"upid":"` + upid + `","starttime":1,"endtime":2}]` }

func record(l lxc.Lifecycle, upid string) lxc.Container {
	return lxc.Container{RecordID: "01J", CTID: 100, Node: "pve1", Hostname: "web", MAC: mac, Marked: true, Lifecycle: l, UPID: upid}
}

func survey100(client *pve.Client, c lxc.Container) survey.Survey {
	return survey.Survey{
		PVE: client, Record: c, Marks: plan.Marks{},
		Wait:    func(string, time.Duration) func() { return func() {} },
		Command: func(words ...string) string { return strings.Join(words, " ") },
	}
}

func TestSituation(t *testing.T) {
	at := func(m map[string]string, f func(string) (string, string), upid string) map[string]string {
		path, data := f(upid)
		return add(m, path, data)
	}
	died := func(upid string) (string, string) { return ended(upid, "unexpected status") }
	failed := func(upid string) (string, string) { return ended(upid, "no space") }
	well := func(upid string) (string, string) { return ended(upid, "OK") }
	for _, tt := range []struct {
		name    string
		record  lxc.Container
		answers map[string]string
		want    plan.State
		why     string
	}{
		{"no id was claimed", lxc.Container{Lifecycle: lxc.Creating}, nil, plan.NotMade, "it was never asked for"},
		{"the request never arrived", record(lxc.Creating, ""), on(config, missing), plan.NotMade, "it was never created"},
		{"no task on record, somebody else's", record(lxc.Creating, ""), on(config, theirs), plan.NotMade, "it was never created"},
		{"no task on record, its task runs", record(lxc.Creating, ""),
			at(on(config, full, tasks, newest(own)), running, own), plan.InCreation, "its create task runs"},
		{"its task runs", record(lxc.Creating, own), at(on(), running, own), plan.InCreation, "its create task runs"},
		{"its task has ended", record(lxc.Creating, own), at(on(config, full), well, own), plan.Unread, "its create task has ended"},
		{"its task failed", record(lxc.Creating, own), at(on(config, missing), failed, own), plan.NotMade,
			"its create task failed, and Proxmox has cleaned up"},
		{"its task failed, and the id was given away", record(lxc.Creating, own), at(on(config, theirs), failed, own), plan.NotMade,
			"its create task failed, and the id is somebody else's now"},
		{"its task failed, and somebody creates under its id", record(lxc.Failed, own),
			at(at(on(config, blank, tasks, newest(others)), failed, own), running, others), plan.NotMade,
			"its create task failed, and the id is somebody else's now"},
		{"its task died", record(lxc.Creating, own), at(on(config, blank, tasks, newest(own)), died, own), plan.HalfMade, "its create task died half-way"},
		{"its task died late", record(lxc.Creating, own), at(on(config, half), died, own), plan.HalfMade, "its create task died half-way"},
		{"it is there", record(lxc.Ready, own), on(config, full, status, `{"status":"running"}`), plan.There, ""},
		{"it was destroyed", record(lxc.Ready, own), on(config, missing), plan.Vanished, ""},
		{"it was destroyed, and the id given away", record(lxc.Ready, own), on(config, theirs), plan.Replaced, ""},
		{"it was destroyed, and somebody creates under its id", record(lxc.Ready, own), on(config, blank), plan.Replaced, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := survey100(proxmox(t, tt.answers), tt.record).Situation(t.Context())
			if err != nil || got.State != tt.want || got.Why != tt.why {
				t.Errorf("%+v, %v", got, err)
			}
		})
	}
}

// A container that has moved is found, and the survey only says where it is.
func TestSituationOfAMovedContainer(t *testing.T) {
	client := proxmox(t, on(
		config, missing, "/cluster/resources", `[{"vmid":100,"type":"lxc","node":"pve2","name":"web"}]`,
		"/nodes/pve2/lxc/100/config", full, "/nodes/pve2/lxc/100/status/current", `{"status":"stopped"}`,
		tasks+"/"+start+"/status", `{"status":"running"}`))
	s := survey100(client, record(lxc.Ready, own))
	s.Marks.Put(plan.Mark{Phase: string(event.Starting), Item: plan.ItemStart, Detail: plan.Detail{UPID: start}})
	got, err := s.Situation(t.Context())
	if err != nil || got.State != plan.There || got.Node != "pve2" || got.Running || got.Start != start {
		t.Errorf("%+v, %v", got, err)
	}
}

// A lock whose task the login cannot see is not taken for one that a dead task has left.
func TestSituationUnderALockOfAnUnseenTask(t *testing.T) {
	_, err := survey100(proxmox(t, on(config, half, tasks, `[]`)), record(lxc.Creating, "")).Situation(t.Context())
	if refused := new(*survey.Refusal); !errors.As(err, refused) || !strings.Contains(err.Error(), "sees no task that creates it") {
		t.Errorf("%v", err)
	}
}

// While the tasks do not tell whose a container is, it is waited for.
func TestSituationWaitsForTheOwner(t *testing.T) {
	path, data := ended(own, "no space")
	s := survey100(proxmox(t, on(config, blank, tasks, newest(own), path, data)), record(lxc.Creating, own))
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("interrupted")
	s.Wait = func(what string, most time.Duration) func() {
		if !strings.Contains(what, "to show its owner") || most != 2*time.Minute {
			t.Errorf("waits for %s, %s", what, most)
		}
		cancel(stop)
		return func() {}
	}
	if _, err := s.Situation(ctx); !errors.Is(err, stop) {
		t.Errorf("%v", err)
	}
}

func TestDestroy(t *testing.T) {
	unmarked := `{"hostname":"web","net0":"name=eth0,hwaddr=` + mac + `,bridge=vmbr0"`
	const runs, rights = `{"status":"running"}`, `{"/vms/100":{"VM.Audit":1,"VM.Allocate":1,"VM.PowerMgmt":1}}`
	for _, tt := range []struct {
		name, config, status string
		foreign              bool
		gone, refused        string
	}{
		{"ours", full, runs, false, "", ""},
		{"gone", missing, runs, false, "already gone", ""},
		{"given away", theirs, runs, true, "already gone: the id 100 belongs to somebody else's container now", ""},
		{"protected", unmarked + `,"protection":1}`, runs, true, "", "protection is on"},
		{"managed by HA", full, `{"status":"running","ha":{"managed":1}}`, true, "", "high availability"},
		{"locked", unmarked + `,"lock":"backup"}`, runs, true, "", "it is locked (backup)"},
		{"its mark was removed", unmarked + `}`, runs, false, "", "does not carry this catalogue's mark any more"},
		{"its mark was removed, foreign", unmarked + `}`, runs, true, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			client := proxmox(t, on(config, tt.config, status, tt.status, "/access/permissions", rights,
				"/nodes/pve1/lxc/100/snapshot", `[{"name":"current"},{"name":"mine"},{"name":"b"},{"name":"a"}]`))
			s := survey100(client, record(lxc.Ready, own))
			s.Marks.Put(plan.Mark{Phase: string(event.Deploying), Item: plan.ItemSnapshot, Detail: plan.Detail{Name: "mine"}})
			d, err := s.Destroy(t.Context(), tt.foreign)
			switch {
			case tt.refused != "":
				if err == nil || !strings.Contains(err.Error(), tt.refused) {
					t.Errorf("%v", err)
				}
			case err != nil || d.Gone != tt.gone || tt.gone == "" && strings.Join(d.Snapshots, " ") != "a b":
				t.Errorf("%+v, %v", d, err)
			}
		})
	}
}
