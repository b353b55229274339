package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// binary prints the budgets that need no container.
func (b *bench) binary(context.Context) error {
	info, err := os.Stat(b.bin)
	if err != nil {
		return err
	}
	row("binary size", fmt.Sprintf("%.1f MB", float64(info.Size())/1e6), "40 MB")
	var times []time.Duration
	for range 10 {
		begin := time.Now()
		if err := exec.Command(b.bin, "version").Run(); err != nil {
			return err
		}
		times = append(times, time.Since(begin))
	}
	row("version", ms(median(times)), "25 ms")
	return nil
}

// reference runs the reference job by each transport and by the expert's script, in turn.
// There is no script for the console, so it is compared with our own way by the guest's
// sshd. The last lines show all three side by side.
func (b *bench) reference(ctx context.Context) error {
	ours, beside := map[string][]measure{}, map[string][]time.Duration{}
	for range b.runs {
		for _, transport := range transports {
			m, err := b.create(ctx, transport, "reference-job")
			if err != nil {
				return err
			}
			other := ours["guest"]
			if transport != "api" {
				e, err := b.expert(ctx, transport, "")
				if err != nil {
					return err
				}
				beside[transport] = append(beside[transport], e)
			} else {
				beside[transport] = append(beside[transport], other[len(other)-1].wall)
			}
			ours[transport] = append(ours[transport], m)
		}
	}
	var walls []string
	for _, transport := range transports {
		b.report(transport, ours[transport], beside[transport])
		walls = append(walls, transport+" "+ms(middle(ours[transport], func(m measure) time.Duration { return m.wall })))
	}
	row("W0, the transports side by side", strings.Join(walls, ", "), "")
	return nil
}

// transports are in the order of a round: the console is compared with the guest.
var transports = []string{"guest", "node", "api"}

// middle is the median of a part of the measures.
func middle(all []measure, part func(measure) time.Duration) time.Duration {
	var d []time.Duration
	for _, m := range all {
		d = append(d, part(m))
	}
	return median(d)
}

func (b *bench) report(transport string, ours []measure, beside []time.Duration) {
	of := func(part func(measure) time.Duration) time.Duration { return middle(ours, part) }
	wall := of(func(m measure) time.Duration { return m.wall })
	own := of(func(m measure) time.Duration { return m.own })
	last := ours[len(ours)-1]
	var ratios []float64
	for i, m := range ours {
		ratios = append(ratios, m.wall.Seconds()/beside[i].Seconds())
	}
	whose, limit, ownLimit := "expert's", "1.00", "300 ms"
	if transport == "api" { // its own time has the login in it
		whose, limit, ownLimit = "the guest's", "1.30", ""
	}
	name := "W0 by the " + transport
	row(name+": remote commands", fmt.Sprint(last.commands), "16")
	row(name+": connections", fmt.Sprint(last.links), "1")
	if transport == "node" {
		row(name+": starts of pct", fmt.Sprint(last.pct), "3")
	}
	row(name+": push_file tasks", fmt.Sprint(b.sandbox.Stats().PushTasks), "0")
	row(name+": first event", ms(of(func(m measure) time.Duration { return m.first })), "100 ms")
	slices.Sort(ratios)
	row(name+": wall / "+whose, fmt.Sprintf("%.2f (min %.2f, max %.2f; %s / %s)", ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1],
		ms(wall), ms(median(beside))), limit)
	row(name+": own time", fmt.Sprintf("%s, %.1f %%", ms(own), 100*own.Seconds()/wall.Seconds()), ownLimit)
}

// thousandFiles compares deploying 1,000 files of 4 KiB with one tar stream
// over the same link.
func (b *bench) thousandFiles(ctx context.Context) error {
	dir := filepath.Join(b.dir, "many")
	if err := writeMany(dir); err != nil {
		return err
	}
	var ratios []float64
	var ours, tars []time.Duration
	for range b.runs {
		m, err := b.create(ctx, "guest", dir)
		if err != nil {
			return err
		}
		t, err := b.tarStream(ctx, dir)
		if err != nil {
			return err
		}
		ours, tars = append(ours, m.deploying), append(tars, t)
		ratios = append(ratios, m.deploying.Seconds()/t.Seconds())
	}
	slices.Sort(ratios)
	row("1,000 files of 4 KiB / tar", fmt.Sprintf("%.2f (%s / %s)", ratios[len(ratios)/2], ms(median(ours)), ms(median(tars))), "1.50")
	return nil
}

func writeMany(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, "files"), 0o755); err != nil {
		return err
	}
	yaml := "name: many\nos: debian-12\nunprivileged: true\nfeatures: {nesting: true}\nresources: {disk: 2}\nfiles:\n"
	for i := range 1000 {
		name := fmt.Sprintf("f%04d", i)
		content := make([]byte, 4096)
		copy(content, name)
		if err := os.WriteFile(filepath.Join(dir, "files", name), content, 0o644); err != nil {
			return err
		}
		yaml += fmt.Sprintf("  - {source: %s, target: /srv/many/%s}\n", name, name)
	}
	return os.WriteFile(filepath.Join(dir, "template.yaml"), []byte(yaml), 0o644)
}

// tarStream times one tar of the same files over an open ssh connection.
func (b *bench) tarStream(ctx context.Context, dir string) (time.Duration, error) {
	address, gateway, err := b.address(ctx)
	if err != nil {
		return 0, err
	}
	name := fmt.Sprintf("b%d", b.nextHost)
	if err := b.quietly(ctx, "create", name, "--template", "hello", "--ip", address+"/24,"+gateway,
		"--quiet", "--ssh-key", filepath.Join(b.dir, "key.pub")); err != nil {
		return 0, err
	}
	ssh := fmt.Sprintf("ssh -i %s/key -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null -o LogLevel=ERROR "+
		"-o ControlMaster=auto -o ControlPath=%s/t%s -o ControlPersist=30 root@%s", b.dir, b.dir, name, address)
	if out, err := exec.CommandContext(ctx, "sh", "-c", ssh+" mkdir -p /srv/many").CombinedOutput(); err != nil {
		return 0, fmt.Errorf("ssh: %w\n%s", err, out)
	}
	begin := time.Now()
	out, err := exec.CommandContext(ctx, "sh", "-c", "tar -C "+dir+"/files -cf - . | "+ssh+" tar -xf - -C /srv/many").CombinedOutput()
	if err != nil {
		return 0, fmt.Errorf("tar: %w\n%s", err, out)
	}
	wall := time.Since(begin)
	_ = exec.Command("sh", "-c", ssh+" -O exit").Run()
	return wall, b.destroy(ctx, name)
}

func median(d []time.Duration) time.Duration {
	d = slices.Clone(d)
	slices.Sort(d)
	return d[len(d)/2]
}

func ms(d time.Duration) string { return fmt.Sprintf("%d ms", d.Milliseconds()) }
