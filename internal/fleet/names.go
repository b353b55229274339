package fleet

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// MaxCount is the most containers that one name may stand for.
const MaxCount = 1000

var numberForm = regexp.MustCompile(`%0?\d?d`)

// Names returns the names of count containers, numbered from 1. The number goes to the
// place of %d or %03d in the name, or else after its first label: web-1, and
// web-1.lab.example.org. An error says what is wrong with the name.
func Names(name string, count int) ([]string, error) {
	form, err := numbered(name)
	if err != nil {
		return nil, err
	}
	names := make([]string, count)
	for i := range names {
		names[i] = fmt.Sprintf(form, i+1)
	}
	return names, nil
}

// numbered turns a name into a format with one number.
func numbered(name string) (string, error) {
	switch marks := numberForm.FindAllString(name, -1); {
	case strings.Count(name, "%") != len(marks), len(marks) > 1:
		return "", fmt.Errorf("the name %s must have one %%d, or %%03d, where the number goes, or none", strconv.Quote(name))
	case len(marks) == 1:
		return name, nil
	}
	label, domain, full := strings.Cut(name, ".")
	if full {
		domain = "." + domain
	}
	return label + "-%d" + domain, nil
}
