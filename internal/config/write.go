package config

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// NewHost is a host to add to the file. Empty fields are left out.
type NewHost struct {
	Name        string
	URL         string
	Token       Secret // goes into a file of its own beside the config
	MadeToken   string // the id of the token, if init made it
	Fingerprint string
	CAFile      string
	Node        string
	Storage     string
	Bridge      string
	SSH         SSH  // Transport, Node, IdentityFile and KnownHosts
	Default     bool // commands without --host use it
}

// Saved says what Add has written.
type Saved struct {
	File      string   // the config
	TokenFile string   // the token
	Copies    []string // files as they were before
	Default   string   // default_host if Add has set it, else ""
}

// Vacant returns an error if the file has a host of that name or URL already. An empty
// name or URL is not looked for.
func (c *Config) Vacant(name, url string) error {
	if name != "" {
		if e := wrongHostName(name, "choose another with --name"); e != nil {
			return e
		}
		if c.hosts[name] != nil {
			return c.about(name, "choose another with --name; to remove this one: infrahaus host remove "+name, "there is a host %s already", name)
		}
	}
	for _, have := range c.HostNames() {
		if u, err := endpoint(c.hosts[have].URL); err == nil && u == url && url != "" {
			return c.about(have, "it can be used as it is; to remove it first: infrahaus host remove "+have, "host %s has the url %s already", have, url)
		}
	}
	return nil
}

// Writable returns an error if Add could not write. It changes nothing.
func (c *Config) Writable() error {
	file := cmp.Or(c.File, c.named, c.Paths.ConfigFile())
	dirs := []string{filepath.Dir(file)}
	if real, err := filepath.EvalSymlinks(file); err == nil {
		dirs = append(dirs, filepath.Dir(real))
	}
	for _, dir := range dirs {
		_, err := os.Stat(dir)
		for errors.Is(err, fs.ErrNotExist) && filepath.Dir(dir) != dir { // it is made in the next one that exists
			dir = filepath.Dir(dir)
			_, err = os.Stat(dir)
		}
		f, err := os.CreateTemp(dir, ".infrahaus-*")
		if err != nil {
			return unwritable(file, err)
		}
		err = errors.Join(f.Close(), os.Remove(f.Name()))
		if err != nil {
			return unwritable(file, err)
		}
	}
	return nil
}

// FromEnvironment returns the settings for a host in the environment. It reads no file.
func (c *Config) FromEnvironment() (Host, error) {
	e, err := c.environment()
	h := Host{URL: e.url, Token: e.token, User: e.user, Password: e.password}
	e.place(&h)
	h.SSH = SSH{Transport: e.transport, Node: e.sshNode, KnownHosts: e.knownHosts, IdentityFile: e.identity}
	if strings.Contains(e.identity, pemMark) {
		h.SSH.IdentityFile, h.SSH.IdentityKey = "", NewSecret(e.identity)
	}
	return h, err
}

// The checks of what a person types. Each returns the setting as the rest of the tool
// needs it. Errors do not repeat a secret.

func CheckURL(s string) (string, error)         { return explained(endpoint(s)) }
func CheckToken(s string) (string, error)       { return explained(token(s)) }
func CheckUser(s string) (string, error)        { return explained(user(s)) }
func CheckFingerprint(s string) (string, error) { return explained(fingerprint(s)) }
func CheckSSHNode(s string) (string, error)     { return explained(nodeAddress(s)) }
func CheckName(s string) (string, error)        { return explained(proxmoxName(s)) }
func CheckTokenID(s string) (string, error)     { return explained(tokenID(s)) }

// explained puts the hint of a check's error into its text.
func explained(s string, err error) (string, error) {
	if next := hintOf(err); next != "" {
		return s, fmt.Errorf("%w: %s", err, next)
	}
	return s, err
}

// Add adds a host to the file and writes its token beside it, both readable by their owner
// alone. Whatever the file has stays, comments included; files that are replaced are
// copied first. A process that dies leaves the old file or the new one.
func (c *Config) Add(h NewHost) (Saved, error) {
	s := Saved{File: c.File}
	if s.File == "" {
		s.File = cmp.Or(c.named, c.Paths.ConfigFile())
	}
	if err := c.Vacant(h.Name, h.URL); err != nil {
		return s, err
	}
	// Paths in the file start at its folder as the user names it. A link, such as to a
	// folder of dotfiles, stays one, and the token does not get there.
	dir := filepath.Dir(s.File)
	s.TokenFile = filepath.Join(dir, h.Name+".token")
	if real, err := filepath.EvalSymlinks(s.File); err == nil {
		s.File = real
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return s, unwritable(s.File, err)
	}
	old, err := os.ReadFile(s.File)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return s, unwritable(s.File, err)
	}
	text, chosen, err := c.with(old, h, filepath.Base(s.TokenFile))
	if err != nil {
		return s, unwritable(s.File, err)
	}
	s.Default = chosen
	if err := c.readable(dir, text); err != nil {
		return s, err
	}
	if err := s.replace(s.TokenFile, []byte(h.Token.Reveal()+"\n")); err != nil {
		return s, unwritable(s.TokenFile, err)
	}
	if err := s.replace(s.File, text); err != nil {
		_ = os.Remove(s.TokenFile) // no config names it
		return s, unwritable(s.File, err)
	}
	return s, nil
}

func unwritable(path string, err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		err = at.Err
	}
	return &Error{Text: fmt.Sprintf("cannot write %s: %v", path, err), Next: "another place: --config"}
}

// readable makes sure that the tool itself reads the new text.
func (c *Config) readable(dir string, text []byte) error {
	f, err := os.CreateTemp(dir, ".config-*.yaml")
	if err != nil {
		return unwritable(dir, err)
	}
	defer os.Remove(f.Name())
	if _, err = f.Write(text); err == nil {
		err = f.Close()
	}
	if err == nil {
		_, err = Load(Overrides{ConfigFile: f.Name(), StateDir: c.Paths.StateDir, Getenv: c.env})
	}
	return err
}

// replace writes a file aside and renames it. A file that is there is copied first.
func (s *Saved) replace(path string, text []byte) error {
	old, err := os.ReadFile(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return err
	case bytes.Equal(old, text):
		return os.Chmod(path, 0o600)
	default:
		kept, err := keepCopy(path, old)
		if err != nil {
			return err
		}
		s.Copies = append(s.Copies, kept)
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // a rename has taken it away
	if _, err = f.Write(text); err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}

// keepCopy writes a copy that no other copy replaces.
func keepCopy(path string, text []byte) (string, error) {
	name := path + ".backup-" + time.Now().Format("20060102-150405")
	for n := 2; ; n++ {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) && n < 100 {
			name = fmt.Sprintf("%s.backup-%s-%d", path, time.Now().Format("20060102-150405"), n)
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = f.Write(text)
		return name, errors.Join(err, f.Sync(), f.Close())
	}
}

// with returns the file's text with the host, and default_host if it is set now. A second
// host would leave commands without --host undecided, so the first one becomes the
// default then.
func (c *Config) with(old []byte, h NewHost, tokenFile string) (text []byte, chosen string, err error) {
	var doc yaml.Node
	if err := yaml.Unmarshal(old, &doc); err != nil {
		return nil, "", err
	}
	if doc.Kind == 0 { // empty, or comments alone, which the parser drops
		doc = yaml.Node{Kind: yaml.DocumentNode, HeadComment: strings.TrimSpace(string(old))}
	}
	if len(doc.Content) == 0 || doc.Content[0].ShortTag() == "!!null" {
		doc.Content = []*yaml.Node{{Kind: yaml.MappingNode}}
	}
	root := doc.Content[0]
	hosts := below(root, "hosts")
	hosts.Style &^= yaml.FlowStyle
	switch names := c.HostNames(); {
	case h.Default && len(names) > 0:
		chosen = h.Name
	case c.DefaultHost == "" && len(names) == 1:
		chosen = names[0]
	}
	if chosen != "" {
		set(root, "default_host", chosen)
	}
	hosts.Content = append(hosts.Content, word(h.Name), h.node(tokenFile))
	var b bytes.Buffer
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	if err := enc.Encode(&doc); err != nil {
		return nil, "", err
	}
	return b.Bytes(), chosen, enc.Close()
}

// below returns the mapping under a key, which it makes if there is none.
func below(n *yaml.Node, key string) *yaml.Node {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value != key {
			continue
		}
		for n.Content[i+1].Kind == yaml.AliasNode {
			n.Content[i+1] = n.Content[i+1].Alias
		}
		if v := n.Content[i+1]; v.Kind != yaml.MappingNode {
			*v = yaml.Node{Kind: yaml.MappingNode, HeadComment: v.HeadComment, FootComment: v.FootComment}
		}
		return n.Content[i+1]
	}
	m := &yaml.Node{Kind: yaml.MappingNode}
	n.Content = append(n.Content, word(key), m)
	return m
}

// set replaces the value of a key, or puts the key first.
func set(n *yaml.Node, key, value string) {
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			comment := n.Content[i+1].LineComment
			n.Content[i+1] = word(value)
			n.Content[i+1].LineComment = comment
			return
		}
	}
	k := word(key)
	if len(n.Content) > 0 { // a comment at the top of the file stays there
		k.HeadComment, n.Content[0].HeadComment = n.Content[0].HeadComment, ""
	}
	n.Content = append([]*yaml.Node{k, word(value)}, n.Content...)
}

func word(s string) *yaml.Node {
	n := &yaml.Node{}
	n.SetString(s)
	return n
}

// node is the host as the file has it.
func (h NewHost) node(tokenFile string) *yaml.Node {
	m := &yaml.Node{Kind: yaml.MappingNode}
	put := func(m *yaml.Node, key, value string) {
		if value != "" {
			m.Content = append(m.Content, word(key), word(value))
		}
	}
	put(m, "url", h.URL)
	put(m, "fingerprint", h.Fingerprint)
	put(m, "ca_file", h.CAFile)
	put(m, "token_file", tokenFile)
	put(m, "made_token", h.MadeToken)
	put(m, "node", h.Node)
	put(m, "storage", h.Storage)
	put(m, "bridge", h.Bridge)
	ssh := &yaml.Node{Kind: yaml.MappingNode}
	put(ssh, "transport", h.SSH.Transport)
	put(ssh, "node", h.SSH.Node)
	put(ssh, "identity", h.SSH.IdentityFile)
	put(ssh, "known_hosts", h.SSH.KnownHosts)
	if len(ssh.Content) > 0 {
		m.Content = append(m.Content, word("ssh"), ssh)
	}
	return m
}
