package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// warmJob is a job that is done from a baked image and without one.
type warmJob struct {
	name     string
	template string
	packages string  // for the expert
	limit    float64 // of warm / cold
}

// warm compares creates from a baked image with those without one, by each transport, in turn
// with the expert's script. W0 has one of its scripts in the image: an image that saves nothing
// must not cost anything either.
func (b *bench) warm(ctx context.Context) error {
	w0, err := b.oneInImage()
	if err != nil {
		return err
	}
	for _, j := range []warmJob{
		{"W", "reference-job-w", "nginx-light", 0.55},
		{"W0", w0, "", 1},
	} {
		if err := b.warmJob(ctx, j); err != nil {
			return err
		}
	}
	return nil
}

// oneInImage makes the job W0 with one script of the image.
func (b *bench) oneInImage() (string, error) {
	dir := filepath.Join(b.dir, "reference-job-image")
	if err := os.CopyFS(dir, os.DirFS("testdata/templates/reference-job")); err != nil {
		return "", err
	}
	f, err := os.OpenFile(filepath.Join(dir, "template.yaml"), os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		return "", err
	}
	text := "scripts:\n  - {name: 01.sh, stage: image}\n"
	for i := 2; i <= 11; i++ {
		text += fmt.Sprintf("  - %02d.sh\n", i)
	}
	_, err = f.WriteString(text)
	if err == nil {
		err = f.Close()
	}
	return dir, err
}

func (b *bench) warmJob(ctx context.Context, j warmJob) error {
	begin := time.Now()
	if err := b.quietly(ctx, "template", "bake", j.template, "--anew", "--quiet"); err != nil {
		return err
	}
	row(j.name+": bake", ms(time.Since(begin)), "")
	// The sandbox unpacks an archive at its first use alone, as it has done with the OS template.
	if _, err := b.create(ctx, "node", j.template); err != nil {
		return err
	}
	var warm, cold = map[string][]measure{}, map[string][]measure{}
	experts := map[string][]time.Duration{}
	for range b.runs {
		for _, transport := range transports {
			for into, more := range map[*map[string][]measure][]string{&warm: nil, &cold: {"--no-bake"}} {
				m, err := b.create(ctx, transport, j.template, more...)
				if err != nil {
					return err
				}
				(*into)[transport] = append((*into)[transport], m)
			}
			if transport == "api" {
				continue
			}
			e, err := b.expert(ctx, transport, j.packages)
			if err != nil {
				return err
			}
			experts[transport] = append(experts[transport], e)
		}
	}
	wall := func(m measure) time.Duration { return m.wall }
	var beside []string
	for _, transport := range transports {
		var ratios []float64
		for i, m := range warm[transport] {
			ratios = append(ratios, m.wall.Seconds()/cold[transport][i].wall.Seconds())
		}
		slices.Sort(ratios)
		w, c := middle(warm[transport], wall), middle(cold[transport], wall)
		row(fmt.Sprintf("%s by the %s: warm / cold", j.name, transport), fmt.Sprintf("%.2f (min %.2f, max %.2f; %s / %s)",
			ratios[len(ratios)/2], ratios[0], ratios[len(ratios)-1], ms(w), ms(c)), fmt.Sprintf("%.2f", j.limit))
		row(fmt.Sprintf("%s by the %s: own time, warm", j.name, transport), ms(middle(warm[transport], func(m measure) time.Duration { return m.own })), "300 ms")
		line := fmt.Sprintf("%s cold %s warm %s", transport, ms(c), ms(w))
		if e := experts[transport]; len(e) > 0 {
			line += " expert " + ms(median(e))
		}
		beside = append(beside, line)
	}
	row(j.name+", side by side", strings.Join(beside, "; "), "")
	return nil
}
