package cli_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/cli"
)

// refusals are command lines that fail, by command. The host has a container 150 that is
// stopped and that no catalogue knows. A command without a row here is called with an
// argument that means nothing to it.
var refusals = map[string][]string{
	"create": {
		"", "web", "web --template nosuch", "web --template hello --set nosuch=1", "web --template hello --node pve9",
		"web --template hello --bridge vmbr9", "web --template hello --storage nowhere", "web --template hello --ctid 150",
		"web --template hello --memory 1", "web --template hello --password-file nosuch", "web --template hello --timeout 1ns",
		"web --template hello --node pve9 --if-exists ok", "web --template hello --node pve9 --plan", "-x", "web --template hello --skip-script nosuch",
		"web --template hello --package a,b", "web --template hello --ssh-key nosuch", "web_ --template hello",
	},
	"resume":      {"", "nosuch", "nosuch --plan", "nosuch --package a --no-packages"},
	"sync":        {"", "nosuch", "nosuch --plan", "nosuch --rollback --yes", "nosuch --rollback --plan", "nosuch --take x"},
	"discover":    {"", "nosuch", "4711", "150", "150 --password-file nosuch", "150 --publish"},
	"destroy":     {"", "nosuch --yes", "4711 --foreign --yes", "150", "150 --foreign", "150 --yes"},
	"start":       {"", "nosuch", "150"},
	"stop":        {"", "nosuch", "150"},
	"restart":     {"", "nosuch", "150"},
	"show":        {"", "nosuch", "150"},
	"watch":       {"nosuch", "nosuch other --follow"},
	"events":      {"", "nosuch", "nosuch --follow", "--prune --older-than x", "nosuch --prune --older-than 1d --yes"},
	"logs":        {"", "nosuch", "nosuch --follow"},
	"credentials": {"", "nosuch", "nosuch root --reveal"},
	"list":        {"nosuch", "--host nosuch", "--check --host nosuch", "--config nosuch.yaml"},
	"key rotate":  {"", "nosuch", "--new-key-env NOSUCH", "--new-key-file nosuch"},
}

// leavesNothing is `leaves-nothing KEPT`: it runs every command of this tool in ways that
// fail, and checks after each that nothing is new in the session's folder but in KEPT.
func leavesNothing(ts *testscript.TestScript, neg bool, args []string) {
	before := tree(ts, args[0])
	var walk func(*cobra.Command)
	walk = func(c *cobra.Command) {
		for _, sub := range c.Commands() {
			walk(sub)
		}
		words := strings.Fields(c.CommandPath())[1:]
		if len(words) == 0 || c.HasSubCommands() || words[0] == "completion" || words[0] == "help" {
			return
		}
		lines, known := refusals[strings.Join(words, " ")]
		if !known {
			lines = []string{"no-such-thing --timeout 20s"}
		}
		for _, line := range lines {
			command := append(slices.Clone(words), strings.Fields(line)...)
			if err := ts.Exec("infrahaus", command...); err == nil {
				if known {
					ts.Fatalf("%s does not fail", strings.Join(command, " "))
				}
				for _, made := range newIn(tree(ts, args[0]), before) { // it may make what it was told to
					path, _, _ := strings.Cut(made, " ")
					ts.Check(os.RemoveAll(ts.MkAbs("." + path)))
				}
				continue
			}
			if now := tree(ts, args[0]); !slices.Equal(now, before) {
				ts.Fatalf("%s has left something: %v", strings.Join(command, " "), newIn(now, before))
			}
		}
	}
	walk(cli.Root())
}

// newIn are the paths of now that are not in before.
func newIn(now, before []string) []string {
	return slices.DeleteFunc(slices.Clone(now), func(p string) bool { return slices.Contains(before, p) })
}

// tree lists the session's files and folders with their sizes, without those in the folder
// kept.
func tree(ts *testscript.TestScript, kept string) (paths []string) {
	root := ts.MkAbs(".")
	ts.Check(filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == filepath.Join(root, kept) || path == filepath.Join(root, ".tmp") {
			return fs.SkipDir
		}
		info, err := d.Info()
		size := int64(0)
		if err == nil && !d.IsDir() {
			size = info.Size()
		}
		paths = append(paths, fmt.Sprintf("%s %d", strings.TrimPrefix(path, root), size))
		return err
	}))
	return paths
}
