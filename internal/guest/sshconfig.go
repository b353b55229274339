package guest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/transports"
)

// sshSettings are the settings of one host, by their names in lower case, as `ssh -G`
// prints them. ssh itself is asked, because only ssh knows exactly what its files mean.
type sshSettings map[string][]string

func (s sshSettings) first(name string) string {
	if len(s[name]) == 0 {
		return ""
	}
	return s[name][0]
}

// parseSettings reads the output of `ssh -G`.
func parseSettings(text string) sshSettings {
	s := sshSettings{}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimRight(line, "\r\n"), " ")
		if value = strings.TrimSpace(value); name != "" && value != "" {
			s[name] = append(s[name], value)
		}
	}
	return s
}

// askDeadline limits `ssh -G`, which runs the commands of `Match exec`. It is long, because a
// busy machine takes seconds to start ssh: only a command that does not end shall meet it.
const askDeadline = time.Minute

// settingsOf returns the settings for n's host: from ssh if it is installed, else from
// the files by our own reader. left notes the settings that it left out.
func (n NodeSSH) settingsOf(ctx context.Context) (s sshSettings, left []string, err error) {
	ssh, err := exec.LookPath("ssh")
	if err != nil {
		return n.readSettings()
	}
	file, files := n.ConfigFile, "Include ~/.ssh/config\nInclude /etc/ssh/ssh_config\n"
	switch elsewhere := homeElsewhere(); {
	case file != "":
		files = "Include " + strconv.Quote(file) + "\n"
	case elsewhere != "":
		file, files = "/dev/stdin", "Include "+strconv.Quote(filepath.Join(elsewhere, ".ssh", "config"))+"\nInclude /etc/ssh/ssh_config\n"
	}
	if s, err = n.ask(ctx, ssh, file, files); err != nil {
		return nil, nil, err
	}
	if file == "/dev/stdin" { // ssh has already replaced ~ by the home in passwd here
		for i, list := range s["userknownhostsfile"] {
			s["userknownhostsfile"][i] = strings.ReplaceAll(list, filepath.Join(localUser().HomeDir, ".ssh")+"/", filepath.Join(homeElsewhere(), ".ssh")+"/")
		}
	}
	me := localUser().Username
	if n.User != "" || n.hop || s.first("user") != me {
		return s, nil, nil
	}
	// ssh's default is the local user, ours is root. The second call shows whether ssh
	// printed its default.
	const nobody = "infrahaus-none"
	if again, err := n.ask(ctx, ssh, "/dev/stdin", files+"Match all\nUser "+nobody+"\n"); err != nil || again.first("user") == nobody {
		delete(s, "user")
	}
	return s, nil, nil
}

// ask runs `ssh -G`.
func (n NodeSSH) ask(ctx context.Context, ssh, file, stdin string) (sshSettings, error) {
	limited, cancel := context.WithTimeout(ctx, askDeadline)
	defer cancel()
	args := []string{"-G"}
	if file != "" {
		args = append(args, "-F", file)
	}
	if n.User != "" {
		args = append(args, "-l", n.User)
	}
	if n.Port != 0 {
		args = append(args, "-p", strconv.Itoa(n.Port))
	}
	cmd := exec.CommandContext(limited, ssh, append(args, "--", n.Host)...)
	var out, said bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &said
	cmd.WaitDelay = time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil { // the caller's end says nothing about the settings
			return nil, fmt.Errorf("cannot read the SSH settings of %s: %w", n.Host, context.Cause(ctx))
		}
		if home := homeElsewhere(); file == "/dev/stdin" && home != "" {
			args[2] = filepath.Join(home, ".ssh", "config")
		}
		e := &Error{Kind: BadSettings, Transport: transports.Node, Message: "cannot read the SSH settings of " + n.Host + ": ssh -G failed", Tail: lastWords(said.Bytes()),
			Fix: "correct what ssh reports; to see it again: " + command(append([]string{"ssh"}, append(args, "--", n.Host)...))}
		if limited.Err() != nil {
			e.Message = "cannot read the SSH settings of " + n.Host + ": ssh -G did not end within " + askDeadline.String()
			e.Fix = "a Match exec in the SSH configuration that does not end?"
		}
		return nil, e
	}
	return parseSettings(out.String()), nil
}

func lastWords(said []byte) string {
	var t tail
	_, _ = t.Write(said)
	return t.String()
}

// command formats words as a command line that can be pasted.
func command(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = Quote(w)
	}
	return strings.Join(quoted, " ")
}

// localUser is the user of this process from passwd, because ssh ignores USER.
func localUser() *user.User {
	if u, err := user.LookupId(strconv.Itoa(os.Getuid())); err == nil {
		return u
	}
	home, _ := os.UserHomeDir()
	return &user.User{Uid: strconv.Itoa(os.Getuid()), Username: os.Getenv("USER"), HomeDir: home}
}

// userHome is the folder for ~ in the user's SSH files. It is the home in passwd, as for
// ssh, unless HOME is another folder with a folder .ssh.
func userHome() string {
	if home := homeElsewhere(); home != "" {
		return home
	}
	return localUser().HomeDir
}

// homeElsewhere is HOME if it differs from the home in passwd and has a folder .ssh, else
// "". ssh itself ignores HOME, so its command line must name these files.
func homeElsewhere() string {
	home := os.Getenv("HOME")
	if !filepath.IsAbs(home) || filepath.Clean(home) == filepath.Clean(localUser().HomeDir) {
		return ""
	}
	if at, err := os.Stat(filepath.Join(home, ".ssh")); err != nil || !at.IsDir() {
		return ""
	}
	return home
}

// unused are settings that change the way of a connection, or whether it is trusted, and
// that this program does not support.
var unused = []string{"knownhostscommand", "bindaddress", "bindinterface", "certificatefile", "pkcs11provider"}

// spelled are the names of these settings as users write them.
var spelled = map[string]string{"knownhostscommand": "KnownHostsCommand", "bindaddress": "BindAddress", "bindinterface": "BindInterface",
	"certificatefile": "CertificateFile", "pkcs11provider": "PKCS11Provider", "proxyusefdpass": "ProxyUseFdpass"}

// notFollowed names the settings of the host that are not used, "" for none.
func (s sshSettings) notFollowed(host string) string {
	var names []string
	for _, name := range unused {
		if v := s.first(name); v != "" && v != "none" {
			names = append(names, spelled[name])
		}
	}
	if len(names) == 0 {
		return ""
	}
	return "SSH settings of " + host + " that are not used here: " + strings.Join(names, ", ")
}

// isDefault reports whether the key files are those that ssh tries by default.
func (s sshSettings) isDefault() bool {
	files := s["identityfile"]
	for _, name := range []string{"~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519"} {
		if !slices.Contains(files, name) {
			return false
		}
	}
	return true
}

// expander replaces ssh's %-words, ${variables} and ~.
type expander struct {
	host, typed, user, alias string
	port                     int
}

func (x expander) expand(text string) (string, error) {
	me, home := localUser(), userHome()
	if rest, ok := strings.CutPrefix(text, "~/"); ok {
		text = filepath.Join(strings.ReplaceAll(home, "%", "%%"), rest)
	}
	name, _ := os.Hostname()
	short, _, _ := strings.Cut(name, ".")
	words := map[byte]string{'%': "%", 'd': home, 'h': x.host, 'i': me.Uid, 'k': orElse(x.alias, x.typed), 'L': short, 'l': name,
		'n': x.typed, 'p': strconv.Itoa(x.port), 'r': x.user, 'u': me.Username}
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch rest := text[i:]; {
		case len(rest) > 1 && rest[0] == '%':
			word, ok := words[rest[1]]
			if !ok {
				return "", fmt.Errorf("%%%c in %q is not known here", rest[1], text)
			}
			b.WriteString(word)
			i++
		case strings.HasPrefix(rest, "${") && strings.Contains(rest, "}"):
			variable, _, _ := strings.Cut(rest[2:], "}")
			value, ok := os.LookupEnv(variable)
			if !ok {
				return "", fmt.Errorf("the variable %s in %q is not set", variable, text)
			}
			b.WriteString(value)
			i += len(variable) + 2
		default:
			b.WriteByte(rest[0])
		}
	}
	return b.String(), nil
}

func orElse(s, other string) string {
	if s == "" {
		return other
	}
	return s
}

// paths splits a list of files. `ssh -G` prints quoted names without their quotes, so
// words that together are the name of an existing file are one name.
func paths(list string) []string {
	words := strings.Fields(list)
	var out []string
	for len(words) > 0 {
		n := 1
		for i := len(words); i > 1; i-- {
			if fileThere(strings.Join(words[:i], " ")) {
				n = i
				break
			}
		}
		out = append(out, strings.Join(words[:n], " "))
		words = words[n:]
	}
	return out
}

func fileThere(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
