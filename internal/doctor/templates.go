package doctor

import (
	"fmt"
	"strings"

	"github.com/infrahaus/infrahaus/internal/pve"
)

// judgeTemplates judges the OS templates on the storages and in the appliance index.
func judgeTemplates(f *Facts) verdict {
	s := f.Site
	switch {
	case s.TemplatesErr != nil:
		return failed(s.TemplatesErr).onNode("pvesm status")
	case len(s.Templates) == 0 && s.IndexErr != nil:
		return failed(s.IndexErr).onNode("pveam update")
	case len(s.Templates) == 0 && len(s.Index) == 0:
		return fail(3, "none on the node, and none in its appliance index").onNode("pveam update")
	case len(s.Templates) == 0:
		return ok(fmt.Sprintf("none on the node yet; the first create downloads one of the %d in the index", len(s.Index)))
	}
	var parts, fetch []string
	for _, t := range latest(s.Templates) {
		newer, found := successor(t, s.Index)
		switch {
		case found:
			parts = append(parts, version(t)+" (newer: "+strings.TrimPrefix(version(newer), t.Product+" ")+")")
			fetch = append(fetch, "pveam download "+t.Storage+" "+newer.File)
		case len(s.Index) > 0 && !listed(t, s.Index):
			parts = append(parts, version(t)+" (no longer in the index)")
		default:
			parts = append(parts, version(t))
		}
	}
	text := strings.Join(parts, ", ")
	if len(fetch) > 0 {
		return warn(text).onNode("pveam update && " + strings.Join(fetch, " && "))
	}
	return ok(text)
}

// latest are the newest of each product and architecture.
func latest(all []pve.OSTemplate) []pve.OSTemplate {
	var out []pve.OSTemplate
	for _, t := range all { // sorted from old to new
		if n := len(out); n > 0 && out[n-1].Product == t.Product && out[n-1].Arch == t.Arch {
			out[n-1] = t
			continue
		}
		out = append(out, t)
	}
	return out
}

// successor is the newest archive in the index that is later than t.
func successor(t pve.OSTemplate, index []pve.OSTemplate) (newest pve.OSTemplate, found bool) {
	newest = t
	for _, o := range index {
		if newest.Newer(o) {
			newest, found = o, true
		}
	}
	return newest, found
}

func listed(t pve.OSTemplate, index []pve.OSTemplate) bool {
	for _, o := range index {
		if o.Product == t.Product {
			return true
		}
	}
	return false
}

// version is "debian-12-standard 12.12-1".
func version(t pve.OSTemplate) string {
	rest := strings.TrimPrefix(t.File, t.Product+"_")
	v, _, _ := strings.Cut(rest, "_")
	return t.Product + " " + v
}
