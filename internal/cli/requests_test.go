package cli_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// request is a changing request as the sandbox has kept it. The sandbox knows nothing of
// this tool's plans, so that a plan which is wrong differs from it.
type request struct {
	Method, Path string
	Form         map[string]string
}

// kept are the changing requests of the session's sandbox, oldest first. A terminal on a
// console is a POST that changes nothing.
func kept(ts *testscript.TestScript) (all []request) {
	raw, err := os.ReadFile(filepath.Join(ts.Getenv("XDG_STATE_HOME"), "infrahaus", "sandbox", "requests.ndjson"))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	ts.Check(err)
	for line := range strings.Lines(string(raw)) {
		var r request
		ts.Check(json.Unmarshal([]byte(line), &r))
		if !strings.HasSuffix(r.Path, "/termproxy") {
			all = append(all, r)
		}
	}
	return all
}

// requests is `requests [PATTERN...]`: the changing requests since the last time match the
// patterns, one each and in order. A pattern is for "METHOD PATH". Without a pattern there
// is none.
func requests(ts *testscript.TestScript, neg bool, args []string) {
	const seen = "REQUESTS_SEEN"
	all := kept(ts)
	n, _ := strconv.Atoi(ts.Getenv(seen))
	ts.Setenv(seen, strconv.Itoa(len(all)))
	var now []string
	for _, r := range all[n:] {
		now = append(now, r.Method+" "+r.Path)
	}
	ok := len(now) == len(args)
	for i := 0; ok && i < len(now); i++ {
		ok = regexp.MustCompile("^" + args[i] + "$").MatchString(now[i])
	}
	if !ok {
		ts.Fatalf("requested: %s", strings.Join(now, ", "))
	}
}

// asPlanned is `as-planned FILE`: what the plan in FILE says of the container that will be
// created is what the sandbox was then asked for, last.
func asPlanned(ts *testscript.TestScript, neg bool, args []string) {
	all := kept(ts)
	at := -1
	for i, r := range all {
		if r.Method == "POST" && regexp.MustCompile(`^/nodes/[^/]+/lxc$`).MatchString(r.Path) {
			at = i
		}
	}
	if at < 0 {
		ts.Fatalf("no container was requested")
	}
	planned := strings.Split(strings.TrimSpace(ts.ReadFile(args[0])), "\n")
	requested := all[at].words()
	for _, line := range requested {
		if !slices.Contains(planned, "creating\t"+line) {
			ts.Fatalf("requested and not planned: %s", line)
		}
	}
	for _, line := range planned {
		said := strings.TrimPrefix(line, "creating\t")
		if regexp.MustCompile(`^(create|from|network:|features:|tags:|console:|onboot:|let in) `).MatchString(said) && !slices.Contains(requested, said) {
			ts.Fatalf("planned and not requested: %s", said)
		}
	}
}

// words writes a create request as a plan does.
func (r request) words() []string {
	f := r.Form
	kind := map[string]string{"1": "unprivileged", "0": "privileged"}[f["unprivileged"]]
	storage, disk, _ := strings.Cut(f["rootfs"], ":")
	cores := f["cores"] + " cores"
	if f["cores"] == "1" {
		cores = "1 core"
	}
	lines := []string{
		fmt.Sprintf("create %s container %s, %s, on node %s", kind, f["vmid"], f["hostname"], strings.Split(r.Path, "/")[2]),
		fmt.Sprintf("%s, %s MiB memory, %s MiB swap, %s GiB disk on %s", cores, f["memory"], f["swap"], disk, storage),
		"from " + f["ostemplate"],
		"network: " + netWords(f["net0"], f["nameserver"]),
	}
	if f["features"] != "" {
		lines = append(lines, "features: "+strings.ReplaceAll(strings.ReplaceAll(f["features"], "=1", ""), ",", ", "))
	}
	if f["tags"] != "" {
		lines = append(lines, "tags: "+strings.ReplaceAll(f["tags"], ";", ", "))
	}
	if f["cmode"] == "shell" {
		lines = append(lines, "console: a root shell without a login, for whoever has VM.Console on it")
	}
	if f["onboot"] == "1" {
		lines = append(lines, "onboot: the node starts it when it starts itself")
	}
	if n := strings.Count(f["ssh-public-keys"], "\n"); n > 0 { // the first is this tool's own
		lines = append(lines, fmt.Sprintf("let in %s besides this tool's own", map[bool]string{true: "1 SSH key", false: strconv.Itoa(n) + " SSH keys"}[n == 1]))
	}
	return lines
}

// netWords writes net0 as a plan does.
func netWords(net0, dns string) string {
	part := map[string]string{}
	for _, p := range strings.Split(net0, ",") {
		k, v, _ := strings.Cut(p, "=")
		part[k] = v
	}
	words := []string{part["name"] + " on " + part["bridge"]}
	for _, p := range [][2]string{{"tag", "VLAN"}, {"ip", "IPv4"}, {"gw", "gateway"}, {"ip6", "IPv6"}, {"gw6", "gateway"}} {
		if part[p[0]] != "" {
			words = append(words, p[1]+" "+part[p[0]])
		}
	}
	if dns != "" {
		words = append(words, "DNS "+dns)
	}
	return strings.Join(words, ", ")
}
