package virtual

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/driver"
)

func start(t *testing.T, d *Driver, id int) {
	t.Helper()
	if err := d.Start(context.Background(), testConfig(id, "debian-12"), func(string) {}); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A snapshot keeps owners, modes, links, times and pipes, and nothing of it
// changes with the guest's own files.
func TestSnapshot(t *testing.T) {
	ctx := context.Background()
	d := testDriver(t, Options{})
	boot(t, d, 100, "debian-12")
	const look = "stat -c '%n %u:%g %a %F %Y' f d d/g p; readlink l; cat f d/g; stat -c %h f; ls -A"
	sh(t, d, 100, "echo old >f; chown 33:44 f; chmod 4750 f; mkdir d; chmod 1777 d; ln f d/g; ln -s f l; mkfifo p; touch -d @1000000000 f d")
	before, _ := sh(t, d, 100, look)
	must(t, d.Snapshot(ctx, 100, "one"))
	if err := d.Snapshot(ctx, 100, "one"); err == nil {
		t.Error("a name was taken twice")
	}
	sh(t, d, 100, "echo new >>f; chmod 600 f; chown 1:1 d; rm l p; echo more >new; echo edited >>/etc/hostname")
	if err := d.Rollback(ctx, 100, "one"); err == nil {
		t.Error("a running guest was rolled back")
	}
	for range 2 { // the snapshot outlives its use
		must(t, d.Stop(ctx, 100))
		must(t, d.Rollback(ctx, 100, "one"))
		start(t, d, 100)
		if after, _ := sh(t, d, 100, look); after != before {
			t.Errorf("rolled back to\n%swas\n%s", after, before)
		}
		sh(t, d, 100, "rm -rf f d; echo again >new")
	}
	must(t, d.Stop(ctx, 100))
	must(t, d.DeleteSnapshot(ctx, 100, "one"))
	must(t, d.DeleteSnapshot(ctx, 100, "one"))
	if err := d.Rollback(ctx, 100, "one"); err == nil {
		t.Error("rolled back to nothing")
	}
	start(t, d, 100) // the failure left the guest as it was
	if out, _ := sh(t, d, 100, "cat new"); out != "again\n" {
		t.Errorf("%q", out)
	}
	must(t, d.Snapshot(ctx, 100, "two"))
	must(t, d.Stop(ctx, 100))
	must(t, d.Destroy(ctx, 100))
	if _, err := os.Stat(d.dir(100)); err == nil {
		t.Error("destroy left the snapshot")
	}
}

// A guest that dies takes its processes with it, at once; after its next boot
// /run and /tmp are empty and the agent can tell.
func TestDeathOfAGuest(t *testing.T) {
	for name, die := range map[string]func(t *testing.T, d *Driver){
		"stop": func(t *testing.T, d *Driver) { must(t, d.Stop(context.Background(), 100)) },
		"shutdown": func(t *testing.T, d *Driver) {
			ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
			defer cancel()
			must(t, d.Shutdown(ctx, 100))
		},
		"its own poweroff": func(t *testing.T, d *Driver) { sh(t, d, 100, "poweroff") },
	} {
		t.Run(name, func(t *testing.T) {
			d := testDriver(t, Options{})
			boot(t, d, 100, "debian-12")
			launch(t, d)
			boots, _ := sh(t, d, 100, agent(t)+"echo $ih_b")
			die(t, d)
			waitUntil(t, func() bool { return d.Pid(100) == 0 })
			size := func() int64 {
				i, err := os.Stat(d.dir(100) + "/rootfs/root/beats")
				must(t, err)
				return i.Size()
			}
			at := size()
			time.Sleep(50 * time.Millisecond) // ten beats
			if size() != at {
				t.Error("a process outlived its guest")
			}
			start(t, d, 100)
			out, _ := sh(t, d, 100, agent(t)+`echo $ih_b; cd /var/lib/config-manager/runs/r/01.1; ih_look; echo $ih_is; ls -A /tmp; [ -e /run/mark ] || echo gone`)
			if want := "dead\ngone\n"; len(out) < len(boots) || out[:len(boots)] == boots || out[len(boots):] != want {
				t.Errorf("after the death %q, before %q", out, boots)
			}
		})
	}
}

// launch starts a detached attempt that beats until it is killed.
func launch(t *testing.T, d *Driver) {
	t.Helper()
	const dir = "/var/lib/config-manager/runs/r/01.1"
	for file, text := range map[string]string{"run": agentFile(t, "run.sh"), "script": "#!/bin/sh\nwhile :; do echo . >>/root/beats; sleep 0.005; done\n"} {
		sh(t, d, 100, "mkdir -p "+dir)
		must(t, d.Push(context.Background(), 100, dir+"/"+file, strings.NewReader(text), "0700", "", ""))
	}
	sh(t, d, 100, "touch /tmp/mark /run/mark")
	sh(t, d, 100, agent(t)+"ih_claim "+dir+" && ih_launch "+dir+" "+dir+"/script '' 01; until [ -s /root/beats ]; do sleep 0.01; done")
}

// A guest that reboots itself is up again, as a new boot.
func TestOwnReboot(t *testing.T) {
	d := testDriver(t, Options{})
	boot(t, d, 100, "debian-12")
	id := func() string {
		out, _ := sh(t, d, 100, "cat /proc/sys/kernel/random/boot_id")
		return out
	}
	first := id()
	// The guest may be gone before its shell returns.
	_, _ = d.Exec(context.Background(), 100, driver.Exec{Argv: []string{"sh", "-c", "reboot"}, Env: []string{"PATH=/usr/sbin:/usr/bin"}})
	waitUntil(t, func() bool {
		g, err := d.guest(100)
		return err == nil && g.m.BootID()+"\n" != first
	})
	if id() == first {
		t.Error("the same boot")
	}
}

func TestClockJump(t *testing.T) {
	f := driver.NewFaults()
	d := testDriver(t, Options{Faults: f})
	boot(t, d, 100, "debian-12")
	f.Jump(-48 * time.Hour)
	want := time.Now().Add(-48 * time.Hour).UTC()
	out, _ := sh(t, d, 100, "date +%F; date -d yesterday +%F")
	if again := time.Now().Add(-48 * time.Hour).UTC(); again.Day() != want.Day() { // midnight between the two
		out, _ = sh(t, d, 100, "date +%F; date -d yesterday +%F")
		want = again
	}
	if out != want.Format(time.DateOnly)+"\n"+want.AddDate(0, 0, -1).Format(time.DateOnly)+"\n" {
		t.Errorf("%q, want %s", out, want)
	}
}

// agent are the agent's functions, without the loop that speaks to a client.
func agent(t *testing.T) string {
	t.Helper()
	text, _, ok := strings.Cut(agentFile(t, "agent.sh"), "\nih_full=\n")
	if !ok {
		t.Fatal("the agent has another shape")
	}
	return text + "\nih_booted\n"
}

func waitUntil(t *testing.T, ok func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	for !ok() {
		select {
		case <-ctx.Done():
			t.Fatal("it does not come")
		case <-time.After(5 * time.Millisecond):
		}
	}
}
