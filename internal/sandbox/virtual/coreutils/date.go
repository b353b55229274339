package coreutils

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/infrahaus/infrahaus/internal/lazy"
)

// strftime formats a time in UTC. The second result names a directive that it lacks.
func strftime(f string, t time.Time) (text, lacks string) {
	one := map[byte]string{'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'F': "2006-01-02", 'T': "15:04:05", 'y': "06", 'b': "Jan", 'B': "January", 'a': "Mon", 'A': "Monday",
		'z': "-0700", 'Z': "MST", 'e': "_2", 'I': "03", 'p': "PM", 'R': "15:04", 'D': "01/02/06", 'h': "Jan", 'c': "Mon Jan _2 15:04:05 2006", 'X': "15:04:05", 'x': "01/02/06"}
	var b strings.Builder
	for i := 0; i < len(f); i++ {
		if f[i] != '%' || i+1 >= len(f) {
			b.WriteByte(f[i])
			continue
		}
		i++
		switch c := f[i]; {
		case c == 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case c == 'N':
			fmt.Fprintf(&b, "%09d", t.Nanosecond())
		case c >= '1' && c <= '9' && strings.HasPrefix(f[i+1:], "N"):
			b.WriteString(fmt.Sprintf("%09d", t.Nanosecond())[:c-'0'])
			i++
		case c == ':' && strings.HasPrefix(f[i+1:], "z"):
			b.WriteString(t.Format("-07:00"))
			i++
		case c == '-' && i+1 < len(f) && strings.IndexByte("demHMSI", f[i+1]) >= 0:
			i++
			n, _ := strconv.Atoi(strings.TrimSpace(t.Format(one[f[i]])))
			b.WriteString(strconv.Itoa(n))
		case c == 'j':
			fmt.Fprintf(&b, "%03d", t.YearDay())
		case c == 'u':
			fmt.Fprintf(&b, "%d", (int(t.Weekday())+6)%7+1)
		case c == 'w':
			fmt.Fprintf(&b, "%d", int(t.Weekday()))
		case c == 'n':
			b.WriteByte('\n')
		case c == 't':
			b.WriteByte('\t')
		case c == '%':
			b.WriteByte('%')
		case one[c] != "":
			b.WriteString(t.Format(one[c]))
		default:
			return "", "%" + string(c)
		}
	}
	return b.String(), ""
}

var relDate = lazy.Regexp(`^([+-]?\d+) ?(second|sec|minute|min|hour|day|week|month|year)s?( ago)?$`)

// gnuDate are forms that GNU's date reads and busybox's does not: words, the T between day
// and time, the form of e-mails, parts of seconds, and nothing.
var gnuDate = lazy.Regexp(`^$|^now$|^yesterday$|^tomorrow$|T[0-9]|^[A-Z][a-z]{2}, |\.[0-9]+$|^@-|^[+-]?[0-9]+ ?[a-z]+( ago)?$`)

func invalidDate(p *proc, d string) int {
	p.Errorf("invalid date '%s'", d)
	return 1
}

func parseDate(now time.Time, s string) (time.Time, error) {
	switch s {
	case "now", "":
		return now, nil
	case "yesterday":
		return now.AddDate(0, 0, -1), nil
	case "tomorrow":
		return now.AddDate(0, 0, 1), nil
	}
	if n, ok := strings.CutPrefix(s, "@"); ok {
		sec, err := strconv.ParseInt(n, 10, 64)
		return time.Unix(sec, 0), err
	}
	if m := relDate().FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1])
		if m[3] != "" {
			n = -n
		}
		switch m[2] {
		case "year":
			return now.AddDate(n, 0, 0), nil
		case "month":
			return now.AddDate(0, n, 0), nil
		}
		unit := map[string]time.Duration{"second": time.Second, "sec": time.Second, "minute": time.Minute, "min": time.Minute, "hour": time.Hour, "day": 24 * time.Hour, "week": 168 * time.Hour}
		return now.Add(time.Duration(n) * unit[m[2]]), nil
	}
	for _, f := range []string{time.RFC3339Nano, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02", time.RFC1123Z, time.RFC1123, "Mon 2006-01-02 15:04:05 MST", "Mon Jan _2 15:04:05 2006"} {
		if t, err := time.Parse(f, s); err == nil {
			return t, nil
		}
	}
	return now, fmt.Errorf("invalid date")
}

// dateRefuses names what makes the real program print another time than UTC, or set the
// clock.
func dateRefuses(p *proc, o *options) string {
	if tz := p.Getenv("TZ"); tz != "" && tz != "UTC" && tz != "UTC0" && tz != "Etc/UTC" {
		return "the time zone " + tz
	}
	if len(o.args) > 0 && !strings.HasPrefix(o.args[0], "+") {
		return "to set the clock, " + o.args[0] + ","
	}
	return ""
}

func date(p *proc, args []string) int {
	norm := append([]string{}, args...)
	for _, a := range args[1:] {
		if strings.HasPrefix(a, "--iso-8601") && onBusybox(p) {
			p.Errorf("unrecognized option: iso-8601")
			return 1
		}
	}
	for i, a := range norm { // the value of -I is optional
		if strings.HasPrefix(a, "-I") && i > 0 && norm[i-1] != "-d" {
			norm[i] = "--iso-8601=" + a[2:]
		}
	}
	o, ok := parse(p, norm, "uRd:r:", "utc universal rfc-email date= iso-8601? reference= rfc-3339=")
	if !ok {
		return 1
	}
	if what := dateRefuses(p, o); what != "" {
		return refuse(p, what)
	}
	if len(o.args) > 1 {
		return extra(p, o.args[1])
	}
	t := p.M.Now()
	if d, has := o.get("d", "date"); has {
		var err error
		if gnuDate().MatchString(d) && onBusybox(p) {
			return invalidDate(p, d)
		}
		if t, err = parseDate(p.M.Now(), d); err != nil {
			return refuse(p, "the date "+q(d))
		}
	}
	if r, has := o.get("r", "reference"); has {
		i, err := p.View().Stat(r)
		if err != nil {
			return fail(p, r, err)
		}
		t = i.ModTime()
	}
	f := "%a %b %e %H:%M:%S UTC %Y"
	iso, hasIso := o.get("iso-8601")
	rfc, hasRFC := o.get("rfc-3339")
	switch {
	case len(o.args) > 0:
		f = o.args[0][1:]
	case hasIso:
		if f, ok = map[string]string{"": "%F", "date": "%F", "seconds": "%Y-%m-%dT%H:%M:%S%:z"}[iso]; !ok {
			return refuse(p, "-I"+iso)
		}
	case hasRFC:
		if f, ok = map[string]string{"date": "%F", "seconds": "%F %T%:z"}[rfc]; !ok {
			return refuse(p, "--rfc-3339="+rfc)
		}
	case o.has("R", "rfc-email"):
		f = "%a, %d %b %Y %H:%M:%S %z"
	}
	text, lacks := strftime(f, t.UTC())
	if lacks != "" {
		return refuse(p, lacks)
	}
	p.Printf("%s\n", text)
	return 0
}
