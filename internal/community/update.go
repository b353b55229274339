package community

import (
	_ "embed"
	"fmt"
	"path"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

//go:embed guest/update.sh
var updateSh string

// The template's scripts for an update.
const (
	checkScript  = "check-update.sh"
	updateScript = "update.sh"
)

// fetching are commands by which an update_script gets something that no check of ours knows
// of.
var fetching = []string{"curl", "wget", "git", "npm", "pnpm", "yarn", "npx", "pip", "pip3", "uv", "docker", "podman", "composer", "gem", "cargo"}

// update reads what update_script does.
func (h *header) update(s *script, f *syntax.FuncDecl) {
	h.updated = true
	syntax.Walk(f.Body, func(n syntax.Node) bool {
		call, ok := n.(*syntax.CallExpr)
		if !ok || len(call.Args) == 0 {
			return true
		}
		name := call.Args[0].Lit()
		switch {
		case strings.HasPrefix(name, "check_for_") && fixed(call.Args[1:]):
			if text := s.source(call); !slices.Contains(h.updates, text) {
				h.updates = append(h.updates, text)
			}
		case strings.HasPrefix(name, "check_for_"):
			h.unknown = true
		case s.upgrades(call):
			h.packages = true
		case slices.Contains(fetching, name) || strings.HasPrefix(name, "fetch_and_deploy_"):
			h.fetches = true
		}
		return true
	})
	if len(h.updates) == 0 && (!h.packages || h.fetches) {
		h.unknown = true
	}
}

// checks are the lines that find out whether there is anything newer.
func (h header) checks() (lines []string) {
	for _, call := range h.updates {
		lines = append(lines, "infrahaus_check "+call)
	}
	if h.packages {
		lines = append(lines, "infrahaus_check_packages")
	}
	if h.unknown {
		lines = append(lines, "infrahaus_unknown")
	}
	return lines
}

// upgrades reports whether a command upgrades the system's packages.
func (s *script) upgrades(call *syntax.CallExpr) bool {
	var words []string
	for _, w := range call.Args {
		words = append(words, w.Lit())
	}
	if slices.Contains(words, "apk") {
		return slices.Contains(words, "upgrade")
	}
	return (slices.Contains(words, "apt") || slices.Contains(words, "apt-get")) &&
		(slices.Contains(words, "upgrade") || slices.Contains(words, "full-upgrade") || slices.Contains(words, "dist-upgrade"))
}

// fixed reports whether words have no expansion, so that they mean the same anywhere.
func fixed(words []*syntax.Word) bool {
	for _, w := range words {
		for _, p := range w.Parts {
			switch p := p.(type) {
			case *syntax.Lit, *syntax.SglQuoted:
			case *syntax.DblQuoted:
				for _, q := range p.Parts {
					if _, ok := q.(*syntax.Lit); !ok {
						return false
					}
				}
			default:
				return false
			}
		}
	}
	return true
}

// updatable prepares ct/NAME.sh for the container: where it would begin to install or to
// update, it reads our update.sh, and ends. What its update_script asks nobody can answer
// while it runs, so that the template has no update then.
func (i *importing) updatable(ct *script) {
	var begin, end *syntax.Stmt
	for _, stmt := range ct.syntax.Stmts {
		if call, ok := stmt.Cmd.(*syntax.CallExpr); ok && len(call.Args) > 0 && call.Args[0].Lit() == "start" && begin == nil {
			begin = stmt
		}
		end = stmt
	}
	switch asks := ct.asks(); {
	case !i.header.updated:
		i.note(ct.file, "", "has no update_script: the template has no update")
	case begin == nil:
		i.note(ct.file, "", "never calls start: the template has no update")
	case len(asks) > 0:
		i.note(ct.file, "", "the template has no update: its update_script asks at %s", strings.Join(asks, ", "))
	default:
		text := "infrahaus_checks() {\n\t" + strings.Join(i.header.checks(), "\n\t") + "\n}\n" + `. "$COMMUNITY_DIR/update.sh" "$@"`
		ct.edits = append(ct.edits, edit{begin.Pos().Offset(), end.End().Offset(), text})
		i.ct = ct
		i.note(ct.file+": update_script", "update", "%s", oneOf(i.header.unknown, "it is not known before whether anything is newer", "looks for something newer before: "+strings.ReplaceAll(strings.Join(i.header.checks(), "; "), "infrahaus_check ", "")))
	}
}

// asks are the places of update_script where it waits for somebody at a terminal.
func (s *script) asks() (places []string) {
	s.calls(func(name string, call *syntax.CallExpr, around []syntax.Node) {
		inside := slices.ContainsFunc(around, func(n syntax.Node) bool {
			f, ok := n.(*syntax.FuncDecl)
			return ok && f.Name != nil && f.Name.Value == "update_script"
		})
		given := false
		if name == "read" {
			given, _ = s.input(call, around)
		}
		if inside && (name == "read" && !given || slices.Contains(asking, name) || dialogue(path.Base(name), s, call, around) != "") {
			places = append(places, fmt.Sprintf("line %d", call.Pos().Line()))
		}
	})
	return places
}

// updateScripts are the two scripts of the template, by path.
func (i *importing) updateScripts() map[string][]byte {
	if i.ct == nil {
		return nil
	}
	out := map[string][]byte{"files/community/update.sh": []byte(updateSh)}
	for name, what := range map[string]string{checkScript: "check", updateScript: "run"} {
		title := map[string]string{"check": "Looks whether there is anything newer for ", "run": "Runs the update_script of "}[what] + i.name + "."
		out["scripts/"+name] = []byte(i.prelude(title) + "exec bash \"$COMMUNITY_DIR/" + i.ct.file + "\" " + what + " </dev/null\n")
	}
	return out
}
