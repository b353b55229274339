package pve

import (
	"context"
	"fmt"
	"strings"

	"github.com/Masterminds/semver/v3"
)

// checkRequires refuses a host or a login that does not have what the template requires.
func (r *resolver) checkRequires(ctx context.Context) error {
	wants := r.spec.Requires
	if wants.Proxmox != "" && !Satisfies(r.out.Version.Full, wants.Proxmox) {
		return r.unmetRequirement("Proxmox VE "+wants.Proxmox, "the host has "+r.out.Version.Full)
	}
	var missing []need
	for _, p := range wants.Privileges {
		missing = append(missing, need{at: "/", privilege: p})
	}
	if err := r.perms.require(ctx, "use the template", missing); err != nil {
		return err
	}
	if wants.PVEContainer == "" {
		return nil
	}
	packages, err := r.c.packages(ctx, r.out.Node)
	have := packages["pve-container"]
	switch {
	case IsKind(err, Forbidden) || err == nil && have == "":
		r.out.Warnings = append(r.out.Warnings, fmt.Sprintf(
			"the template requires pve-container %s; this login may not ask for the node's version (Sys.Audit on /nodes/%s), so it was not checked", wants.PVEContainer, r.out.Node))
		return nil
	case err != nil:
		return err
	case !Satisfies(have, wants.PVEContainer):
		e := r.unmetRequirement("pve-container "+wants.PVEContainer, "node "+r.out.Node+" has "+have)
		e.Hints = []string{"on the node: apt update && apt install pve-container"}
		return e
	}
	return nil
}

func (r *resolver) unmetRequirement(what, have string) *Error {
	return &Error{Kind: Refused, Op: "use the template", Field: "requires", Reason: "it requires " + what + ", and " + have}
}

// Satisfies reports whether a version is in a range such as ">=8.2, <10". A Debian version
// may have an epoch and a revision. A version that is none satisfies nothing, and a range
// that is none is satisfied by nothing.
func Satisfies(version, constraint string) bool {
	if _, rest, ok := strings.Cut(version, ":"); ok {
		version = rest
	}
	version, _, _ = strings.Cut(version, "+")
	head, _, _ := strings.Cut(version, "-")    // the revision of a package says nothing of its content
	head, pre, isPre := strings.Cut(head, "~") // 9.0.0~11 comes before 9.0.0
	v, err := semver.NewVersion(head)
	if err != nil {
		return false
	}
	if isPre {
		if next, err := v.SetPrerelease(strings.NewReplacer("~", ".", "+", ".").Replace(pre)); err == nil {
			v = &next
		}
	}
	c, err := semver.NewConstraint(constraint)
	if err != nil {
		return false
	}
	c.IncludePrerelease = true
	return c.Check(v)
}
