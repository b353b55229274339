package lxcguest

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// forwarding holds the machine's settings from before a sandbox switched on IPv4
// forwarding, because writing ip_forward also changes the other settings. Every bridge of
// ours has it as its alias. So the last sandbox to end restores the settings, even if an
// earlier one was killed.
type forwarding struct {
	redirects string   // conf/all/accept_redirects
	fresh     string   // conf/default/forwarding: for new interfaces
	on        []string // interfaces with forwarding of their own
}

const (
	forwardFile = "/proc/sys/net/ipv4/ip_forward"
	aliasMark   = "infrahaus: ip_forward was 0"
)

// machineLock is held while a sandbox reads or changes what all sandboxes of the machine share.
// Without it, one that begins could take the forwarding of one that ends for the machine's own,
// and lose it a moment later.
const machineLock = "/run/infrahaus-sandbox.lock"

// lockMachine waits for machineLock, for 30 s at most.
func lockMachine(ctx context.Context) (unlock func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	lock := flock.New(machineLock, flock.SetPermissions(0o600))
	if _, err := lock.TryLockContext(ctx, 20*time.Millisecond); err != nil {
		return nil, fmt.Errorf("cannot set up the network of the guests: another sandbox has %s: %w", machineLock, err)
	}
	return func() { _ = lock.Close() }, nil
}

func setting(conf, name string) string { return "/proc/sys/net/ipv4/conf/" + conf + "/" + name }

func readSetting(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// lookForwarding returns nil if the machine already forwards.
func lookForwarding() *forwarding {
	if readSetting(forwardFile) != "0" {
		return nil
	}
	f := &forwarding{redirects: readSetting(setting("all", "accept_redirects")), fresh: readSetting(setting("default", "forwarding"))}
	ifs, _ := net.Interfaces()
	for _, i := range ifs {
		if !strings.HasPrefix(i.Name, bridgePrefix) && readSetting(setting(i.Name, "forwarding")) == "1" {
			f.on = append(f.on, i.Name)
		}
	}
	return f
}

// alias formats f for a bridge's alias, which the kernel limits to 255 bytes.
func (f *forwarding) alias() string {
	return fmt.Sprintf("%s, accept_redirects %s, default %s, on %s", aliasMark, f.redirects, f.fresh, strings.Join(f.on, ","))
}

// parseAlias returns nil for a bridge that was made while the machine already forwarded.
func parseAlias(text string) *forwarding {
	rest, ok := strings.CutPrefix(text, aliasMark)
	if !ok {
		return nil
	}
	f, on := &forwarding{}, ""
	if _, err := fmt.Sscanf(rest, ", accept_redirects %1s, default %1s, on", &f.redirects, &f.fresh); err != nil {
		return nil
	}
	if _, on, _ = strings.Cut(rest, ", on "); on != "" {
		f.on = strings.Split(on, ",")
	}
	return f
}

// restore writes the settings back. An interface that no longer exists is skipped.
func (f *forwarding) restore() error {
	if err := os.WriteFile(forwardFile, []byte("0"), 0o644); err != nil {
		return err
	}
	for file, value := range map[string]string{setting("all", "accept_redirects"): f.redirects, setting("default", "forwarding"): f.fresh} {
		if _, err := strconv.Atoi(value); err != nil {
			continue
		}
		if err := os.WriteFile(file, []byte(value), 0o644); err != nil {
			return err
		}
	}
	for _, name := range f.on {
		_ = os.WriteFile(setting(name, "forwarding"), []byte("1"), 0o644)
	}
	return nil
}

// bridges returns the bridges of all sandboxes on this machine, each with its saved
// settings.
func bridges(ctx context.Context) (map[string]*forwarding, error) {
	out, err := exec.CommandContext(ctx, "ip", "-j", "link", "show", "type", "bridge").Output()
	if err != nil {
		return nil, fmt.Errorf("cannot list the bridges: %w", err)
	}
	var list []struct {
		Name  string `json:"ifname"`
		Alias string `json:"ifalias"`
	}
	if len(out) > 0 {
		if err := json.Unmarshal(out, &list); err != nil {
			return nil, fmt.Errorf("cannot list the bridges: %w", err)
		}
	}
	found := map[string]*forwarding{}
	for _, b := range list {
		if strings.HasPrefix(b.Name, bridgePrefix) {
			found[b.Name] = parseAlias(b.Alias)
		}
	}
	return found, nil
}

// before returns the settings from before any sandbox: those that a bridge has saved
// (even one of a killed sandbox), otherwise the present ones.
func before(ctx context.Context) (*forwarding, error) {
	all, err := bridges(ctx)
	if err != nil {
		return nil, err
	}
	for _, f := range all {
		if f != nil {
			return f, nil
		}
	}
	return lookForwarding(), nil
}
