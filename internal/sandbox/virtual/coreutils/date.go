package coreutils

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

func strftime(f string, t time.Time) string {
	one := map[byte]string{'Y': "2006", 'm': "01", 'd': "02", 'H': "15", 'M': "04", 'S': "05", 'F': "2006-01-02", 'T': "15:04:05", 'y': "06", 'b': "Jan", 'B': "January", 'a': "Mon", 'A': "Monday",
		'z': "-0700", 'Z': "MST", 'e': "_2", 'I': "03", 'p': "PM", 'R': "15:04", 'D': "01/02/06", 'h': "Jan", 'c': "Mon Jan _2 15:04:05 2006", 'X': "15:04:05", 'x': "01/02/06"}
	var b strings.Builder
	for i := 0; i < len(f); i++ {
		if f[i] != '%' || i+1 >= len(f) {
			b.WriteByte(f[i])
			continue
		}
		i++
		width := 9
		if f[i] >= '1' && f[i] <= '9' && i+1 < len(f) {
			width = int(f[i] - '0')
			i++
		}
		if f[i] == '-' && i+1 < len(f) {
			i++
			b.WriteString(strings.TrimLeft(t.Format(one[f[i]]), "0 "))
			continue
		}
		if f[i] == ':' && i+1 < len(f) && f[i+1] == 'z' {
			i++
			b.WriteString(t.Format("-07:00"))
			continue
		}
		switch c := f[i]; c {
		case 's':
			b.WriteString(strconv.FormatInt(t.Unix(), 10))
		case 'N':
			b.WriteString(fmt.Sprintf("%09d", t.Nanosecond())[:width])
		case 'j':
			fmt.Fprintf(&b, "%03d", t.YearDay())
		case 'u':
			fmt.Fprintf(&b, "%d", (int(t.Weekday())+6)%7+1)
		case 'w':
			fmt.Fprintf(&b, "%d", int(t.Weekday()))
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case '%':
			b.WriteByte('%')
		default:
			b.WriteString(t.Format(one[c]))
		}
	}
	return b.String()
}

var relDate = regexp.MustCompile(`^([+-]?\d+) ?(second|sec|minute|min|hour|day|week|month|year)s?( ago)?$`)

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
		f, err := strconv.ParseFloat(n, 64)
		return time.Unix(int64(f), 0), err
	}
	if m := relDate.FindStringSubmatch(s); m != nil {
		n, _ := strconv.Atoi(m[1])
		if m[3] != "" {
			n = -n
		}
		unit := map[string]time.Duration{"second": time.Second, "sec": time.Second, "minute": time.Minute, "min": time.Minute, "hour": time.Hour, "day": 24 * time.Hour, "week": 168 * time.Hour, "month": 720 * time.Hour, "year": 8760 * time.Hour}
		return now.Add(time.Duration(n) * unit[m[2]]), nil
	}
	for _, f := range []string{time.RFC3339Nano, "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02T15:04:05", "2006-01-02", time.RFC1123Z, time.RFC1123, "Mon 2006-01-02 15:04:05 MST", "Mon Jan _2 15:04:05 2006"} {
		if t, err := time.Parse(f, s); err == nil {
			return t, nil
		}
	}
	return now, fmt.Errorf("invalid date")
}

func date(p *proc, args []string) int {
	o, ok := parse(p, args, "uRd:r:I:s:", "utc universal rfc-email date= iso-8601? reference= rfc-3339=")
	if !ok {
		return 1
	}
	t := p.M.Now()
	if d, has := o.get("d", "date"); has {
		var err error
		if t, err = parseDate(p.M.Now(), d); err != nil {
			p.Errorf("invalid date ‘%s’", d)
			return 1
		}
	}
	if r, has := o.get("r", "reference"); has {
		i, err := p.View().Stat(r)
		if err != nil {
			return fail(p, r, err)
		}
		t = i.ModTime()
	}
	t = t.UTC()
	f := "%a %b %e %H:%M:%S UTC %Y"
	iso, hasIso := o.get("I", "iso-8601")
	switch {
	case len(o.args) > 0 && strings.HasPrefix(o.args[0], "+"):
		f = o.args[0][1:]
	case hasIso && strings.HasPrefix(iso, "s"):
		f = "%Y-%m-%dT%H:%M:%S%:z"
	case hasIso:
		f = "%F"
	case o.has("R", "rfc-email"):
		f = "%a, %d %b %Y %H:%M:%S %z"
	}
	p.Printf("%s\n", strftime(f, t))
	return 0
}
