package config

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// LocalDatabase is the name of the catalogue in the state folder.
const LocalDatabase = "local"

// databaseFile is one of the databases that the file names.
type databaseFile struct {
	URL     string `yaml:"url"`
	URLFile string `yaml:"url_file"`
	URLEnv  string `yaml:"url_env"`
}

const databaseNext = "a URL such as postgres://user@db.example.org/infrahaus, env:NAME of a variable with one, the name of one of the databases, or " + LocalDatabase

// readDatabase finds out where the catalogue is. The variable comes before the file.
func (c *Config) readDatabase(in file) error {
	c.databases = in.Databases
	for _, name := range c.DatabaseNames() {
		d := c.databases[name]
		switch {
		case name == LocalDatabase || !hostName().MatchString(name):
			return c.decoder.at("databases."+name, "give it another name", "%q cannot be the name of a database", name)
		case d == nil || (reference{text: d.URL, file: d.URLFile, env: d.URLEnv}).count() != 1:
			return c.decoder.at("databases."+name, "add url, url_file or url_env", "it must say once where it is")
		case d.URL != "" && !isDatabaseURL(d.URL):
			return c.decoder.at("databases."+name+".url", databaseNext, "it does not begin with postgres://")
		}
	}
	if first(c.env, "INFRAHAUS_DATABASE_URL") != "" || in.Database == "" {
		return nil
	}
	s, err := c.database(in.Database)
	if err != nil {
		return c.decoder.at("database", hintOf(err), "%s", err)
	}
	c.DatabaseURL = s
	return nil
}

func (c *Config) databaseFromEnvironment() error {
	text := first(c.env, "INFRAHAUS_DATABASE_URL")
	if text == "" {
		return nil
	}
	s, err := c.database(text)
	if err != nil {
		return &Error{Text: "cannot use INFRAHAUS_DATABASE_URL: " + err.Error(), Next: hintOf(err)}
	}
	c.DatabaseURL = s
	return nil
}

// DatabaseNames lists the names of the databases in the file.
func (c *Config) DatabaseNames() []string {
	var names []string
	for name := range c.databases {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// NamedDatabase is the database that an argument names: the URL of a PostgreSQL one, or the
// zero Secret for the catalogue in the state folder. It refuses a URL, because others can read
// the arguments of a process, and does not repeat it.
func (c *Config) NamedDatabase(word string) (Secret, error) {
	if strings.Contains(word, "://") || strings.Contains(word, "@") {
		return Secret{}, &Error{Text: "a URL does not belong into the command line, where others can read its password",
			Next: "put it into a variable and name that: env:NAME, or below databases in the config"}
	}
	s, err := c.database(word)
	if err != nil {
		return s, &Error{Text: err.Error(), Next: hintOf(err)}
	}
	return s, nil
}

// database reads a URL, env:NAME or a name.
func (c *Config) database(text string) (Secret, error) {
	text = strings.TrimSpace(text)
	name, isVariable := strings.CutPrefix(text, "env:")
	switch {
	case text == LocalDatabase:
		return Secret{}, nil
	case isVariable && !variableName().MatchString(name):
		return Secret{}, bad("the name of a variable, such as env:DATABASE_URL", "it is not the name of a variable")
	case isVariable:
		return databaseURL(first(c.env, name), fmt.Sprintf("the variable %s", name))
	case isDatabaseURL(text):
		return NewSecret(text), nil
	case c.databases[text] != nil:
		d := c.databases[text]
		s, err := c.secret(context.Background(), "databases."+text+".url", reference{text: d.URL, file: d.URLFile, env: d.URLEnv})
		if err != nil {
			return s, err
		}
		return databaseURL(s.Reveal(), "databases."+text)
	case hostName().MatchString(text):
		next := databaseNext
		if near := nearest(text, append(c.DatabaseNames(), LocalDatabase)); near != "" {
			next = fmt.Sprintf("did you mean %q?", near)
		}
		return Secret{}, bad(next, "there is no database %q", text)
	}
	return Secret{}, bad(databaseNext, "it names no database") // it may have a password
}

func databaseURL(text, from string) (Secret, error) {
	switch {
	case text == "":
		return Secret{}, bad("", "%s is not set", from)
	case !isDatabaseURL(text):
		return Secret{}, bad("such as postgres://user@db.example.org/infrahaus", "%s does not begin with postgres://", from)
	}
	return NewSecret(text), nil
}

func isDatabaseURL(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}
