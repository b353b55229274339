package template

// Value is one variable with what it is set to.
type Value struct {
	Name      string
	Text      string
	Secret    bool // must not be shown: secret or generated
	Generated bool // made by Resolve, not set by anyone
	Pending   bool // would be generated; Text is ""
}

// Values are a template's variables, resolved, in the template's order.
type Values struct{ list []Value }

// RandomFunc makes n random characters, letters and digits or lower-case
// hexadecimal digits.
type RandomFunc func(n int, hex bool) string

// Resolve fills in the variables from set, the defaults and, for those that
// ask for it, from random. Values made on an earlier run are passed in set, so
// that they stay. With random nil nothing is made and such values are Pending:
// for --plan. The error is a *VariableError with every problem.
func (t *Template) Resolve(set map[string]string, random RandomFunc) (Values, error) {
	return Values{}, nil
}

// All are the values in the template's order.
func (v Values) All() []Value { return v.list }

// Get is one value's text.
func (v Values) Get(name string) (string, bool) { return "", false }

// Env is what scripts get: db_name=… and INFRAHAUS_VAR_DB_NAME=… for each.
func (v Values) Env() []string { return nil }

// Secrets are the texts that must be redacted: secret and generated ones.
func (v Values) Secrets() []string { return nil }

// Expand replaces every ${name} of a variable in text. $${ gives ${, and ${…}
// around anything that is no variable's name stays as it is.
func (v Values) Expand(text []byte) ([]byte, error) { return text, nil }

// DeclaredServices are the services with their ports filled in.
func (t *Template) DeclaredServices(v Values) ([]Service, error) { return t.Services, nil }
