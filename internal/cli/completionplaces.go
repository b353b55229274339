package cli

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/infrahaus/infrahaus/internal/config"
	"github.com/infrahaus/infrahaus/internal/fetch"
	"github.com/infrahaus/infrahaus/internal/pve"
	"github.com/infrahaus/infrahaus/internal/sandbox"
	"github.com/infrahaus/infrahaus/internal/template"
)

// freshPlaces is how long a host is not asked again.
const freshPlaces = 30 * time.Second

// places are the names of nodes, storages, bridges and pools of the selected host.
func (p *peeker) places(ctx context.Context, node string) pve.Places {
	return p.names(ctx, "places", node, (*pve.Client).Places)
}

// osNames are the OS templates of the selected host, and those that templates ask for if it
// does not answer.
func (p *peeker) osNames(ctx context.Context, node string) []string {
	names := p.names(ctx, "os", node, (*pve.Client).OSNames).OS
	if names != nil {
		return names
	}
	for _, e := range template.List(p.app.templateSources(ctx, lookUp{mode: fetch.Local})) {
		if e.OS != "" && !slices.Contains(names, e.OS) {
			names = append(names, e.OS)
		}
	}
	return names
}

// names are what ask finds out on the selected host: from the cache of this kind while it is
// fresh, else from the host, else from an older cache, else from the settings and the records.
func (p *peeker) names(ctx context.Context, kind, node string, ask func(*pve.Client, context.Context, string) (pve.Places, error)) pve.Places {
	name := p.cfg.HostName()
	if name == "" {
		return pve.Places{}
	}
	asking, cancel := context.WithTimeout(ctx, completionDeadline)
	defer cancel()
	options, ok := p.endpoint(asking, name)
	if !ok {
		return p.known(ctx, name)
	}
	file := p.cacheFile(kind, options.URL, node)
	kept, age, have := readPlaces(file)
	if have && age < freshPlaces {
		return kept
	}
	if client, err := pve.New(options); err == nil {
		if asked, err := ask(client, asking, node); err == nil {
			writePlaces(file, asked)
			return asked
		}
	}
	if have {
		return kept
	}
	return p.known(ctx, name)
}

// endpoint is how to ask a host, false if that would take a command, a password or a new
// sandbox.
func (p *peeker) endpoint(ctx context.Context, name string) (pve.Options, bool) {
	if name == config.SandboxHost {
		e, ok := sandbox.Running(ctx, p.cfg.Paths.Sandbox())
		return pve.Options{URL: e.URL, Token: e.Token, Fingerprint: e.Fingerprint, Timeout: completionDeadline}, ok
	}
	h, ok := p.cfg.Quick(name)
	if !ok {
		return pve.Options{}, false
	}
	return pve.Options{
		URL: h.URL, Token: h.Token.Reveal(), Fingerprint: h.Fingerprint, CAFile: h.CAFile, Insecure: h.Insecure,
		UserAgent: "infrahaus/" + version, Timeout: completionDeadline,
	}, true
}

// known is what the settings and the records say of a host.
func (p *peeker) known(ctx context.Context, name string) pve.Places {
	var out pve.Places
	add := func(list *[]string, name string) {
		if name != "" && !slices.Contains(*list, name) {
			*list = append(*list, name)
		}
	}
	if name == config.SandboxHost {
		add(&out.Nodes, sandbox.NodeName)
	} else {
		node, storage, bridge := p.cfg.Defaults(name)
		add(&out.Nodes, node)
		add(&out.Storages, storage)
		add(&out.Bridges, bridge)
	}
	for _, c := range p.containers(ctx) {
		add(&out.Nodes, c.Node)
	}
	return out
}

func (p *peeker) cacheFile(kind, url, node string) string {
	sum := sha256.Sum256([]byte(url + "\n" + node))
	return filepath.Join(p.cfg.Paths.CacheDir, kind+"-"+hex.EncodeToString(sum[:8])+".json")
}

func readPlaces(file string) (p pve.Places, age time.Duration, ok bool) {
	info, err := os.Stat(file)
	if err != nil {
		return p, 0, false
	}
	text, err := os.ReadFile(file)
	if err != nil || json.Unmarshal(text, &p) != nil {
		return p, 0, false
	}
	return p, time.Since(info.ModTime()), true
}

// writePlaces replaces the file at once, because several completions may run. It is only a
// cache: an error costs a question.
func writePlaces(file string, p pve.Places) {
	text, err := json.Marshal(p)
	if err != nil || os.MkdirAll(filepath.Dir(file), 0o700) != nil {
		return
	}
	f, err := os.CreateTemp(filepath.Dir(file), "places-*")
	if err != nil {
		return
	}
	_, err = f.Write(text)
	if closed := f.Close(); err != nil || closed != nil || os.Rename(f.Name(), file) != nil {
		_ = os.Remove(f.Name())
	}
}
