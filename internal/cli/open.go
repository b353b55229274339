package cli

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
	"unicode"

	"github.com/spf13/cobra"

	"github.com/infrahaus/infrahaus/internal/lxc"
	"github.com/infrahaus/infrahaus/internal/ui"
)

type openOptions struct {
	app   *app
	print bool
}

func newOpenCmd(a *app) *cobra.Command {
	o := &openOptions{app: a}
	cmd := &cobra.Command{
		Use:   "open <container> [<service>]",
		Short: "Print the URL of a container's service, and open it on a desktop",
		Long: `Print the URL of a container's service as it was last discovered. On a terminal of a
desktop it is opened in the browser, too: by xdg-open if DISPLAY or WAYLAND_DISPLAY is set,
and by the system on macOS and Windows. If several services have a URL, say which.` + exitStatuses(0, 1, 2),
		Example: "  infrahaus open web\n  infrahaus open web nginx --print",
		Args:    rangeArgs(1, 2, "one container and perhaps a service"),
		RunE:    func(cmd *cobra.Command, args []string) error { return o.run(cmd.Context(), args) },
	}
	cmd.Flags().BoolVarP(&o.print, "print", "p", false, "only print the URL")
	return cmd
}

// opened is what `open --json` prints.
type opened struct {
	Service string `json:"service"`
	URL     string `json:"url"`
}

func (o *openOptions) run(ctx context.Context, args []string) error {
	a := o.app
	c, err := a.find(ctx, args[0])
	if err != nil {
		return err
	}
	services, _, err := a.store.Services(ctx, c.RecordID)
	if err != nil {
		return err
	}
	name := ""
	if len(args) > 1 {
		name = args[1]
	}
	at, err := a.whichURL(c, pages(services), name)
	if err != nil {
		return err
	}
	if a.global.json {
		return ui.WriteJSON(a.streams, at)
	}
	if err := ui.WriteRow(a.streams, at.URL); err != nil {
		return err
	}
	if o.print || !a.streams.OutTTY || !a.streams.InTTY {
		return nil
	}
	return a.browse(ctx, at.URL)
}

// pages are the services with a URL that a browser may be given, each URL once.
func pages(services []lxc.Service) []opened {
	var out []opened
	seen := map[string]bool{}
	for _, s := range services {
		text := webURL(s.URL)
		if text == "" || s.System || seen[text] {
			continue
		}
		seen[text] = true
		out = append(out, opened{s.Name, text})
	}
	return out
}

// whichURL chooses the page that is meant.
func (a *app) whichURL(c lxc.Container, all []opened, service string) (opened, error) {
	var meant []opened
	var names []string
	for _, p := range all {
		if service == "" || p.Service == service {
			meant = append(meant, p)
		}
		names = append(names, p.Service+" ("+p.URL+")")
	}
	switch {
	case len(all) == 0:
		return opened{}, failf(1, "cannot open %s: no service with a URL was found in it", c.Hostname).hint("to look again: %s", a.command("discover", c.Hostname))
	case len(meant) == 0:
		return opened{}, usagef("cannot open %s: it has no service %q with a URL", c.Hostname, service).hint("it has: %s", strings.Join(names, ", "))
	case len(meant) > 1 && service == "":
		return opened{}, usagef("cannot choose one of %d services of %s: say which", len(meant), c.Hostname).
			hint("it has: %s", strings.Join(names, ", ")).hint("%s", a.command("open", c.Hostname, meant[0].Service))
	}
	return meant[0], nil
}

// webURL returns a guest's URL as a program of the desktop may get it, "" if it may not. A
// guest chooses this text: another scheme would start another program, and a host that
// begins with a dash could become an option.
func webURL(text string) string {
	if strings.ContainsFunc(text, func(r rune) bool { return unicode.IsControl(r) || unicode.IsSpace(r) || r == '\\' }) {
		return ""
	}
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Opaque != "" {
		return ""
	}
	if _, err := netip.ParseAddr(u.Hostname()); err != nil && lxc.WrongHostname(u.Hostname()) != "" {
		return ""
	}
	return u.String()
}

// browsePatience is how long the desktop's opener may take to fail. One that becomes the
// browser stays.
const browsePatience = 2 * time.Second

// browse opens a URL on a desktop, if there is one.
func (a *app) browse(ctx context.Context, page string) error {
	var words []string
	switch {
	case runtime.GOOS == "darwin":
		words = []string{"open", page}
	case runtime.GOOS == "windows":
		words = []string{"rundll32", "url.dll,FileProtocolHandler", page}
	case os.Getenv("DISPLAY") != "", os.Getenv("WAYLAND_DISPLAY") != "":
		words = []string{"xdg-open", page}
	default:
		return nil
	}
	cmd := exec.Command(words[0], words[1:]...)
	err := cmd.Start()
	if errors.Is(err, exec.ErrNotFound) {
		return nil // the URL is printed
	}
	if err != nil {
		return fmt.Errorf("cannot start %s: %w", words[0], err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	select {
	case err = <-ended:
	case <-time.After(browsePatience):
	case <-ctx.Done():
	}
	if err != nil {
		a.warn(fmt.Sprintf("%s could not open the URL: %v", words[0], err), "")
	}
	return nil
}
