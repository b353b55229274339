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
)

// forwarding is what the machine's settings were before a sandbox switched IPv4
// forwarding on: writing ip_forward changes the others, too. It is kept as the alias
// of every bridge of ours, so that the last one to go puts it back, also where an
// earlier owner was killed.
type forwarding struct {
	redirects string   // conf/all/accept_redirects
	fresh     string   // conf/default/forwarding: of interfaces to come
	on        []string // interfaces that forwarded by themselves
}

const (
	forwardFile = "/proc/sys/net/ipv4/ip_forward"
	aliasMark   = "infrahaus: ip_forward was 0"
)

func setting(conf, name string) string { return "/proc/sys/net/ipv4/conf/" + conf + "/" + name }

func readSetting(file string) string {
	b, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

// lookForwarding is nil where the machine forwards already.
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

// alias is f as a bridge keeps it; the kernel takes 255 bytes.
func (f *forwarding) alias() string {
	return fmt.Sprintf("%s, accept_redirects %s, default %s, on %s", aliasMark, f.redirects, f.fresh, strings.Join(f.on, ","))
}

// parseAlias is nil for a bridge that was made while the machine forwarded.
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

// restore puts the settings back. An interface that is gone has none.
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

// bridges are those of all sandboxes on this machine, with what each keeps.
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

// before is what the settings were before any sandbox of ours: what a bridge keeps, a
// left one of a killed owner too, else what they are now.
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
