package system

import (
	"strconv"
	"strings"
	"sync"
	"time"
)

type entry struct {
	at    time.Time
	unit  string
	ident string
	pid   int
	text  string
}

const journalMax = 20000

func (s *System) log(unit, ident string, pid int, text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.journal) >= journalMax {
		s.journal = s.journal[journalMax/2:]
	}
	s.journal = append(s.journal, entry{s.m.Now(), unit, ident, pid, text})
}

// journalWriter is a service's stdout: every line an entry.
type journalWriter struct {
	s     *System
	unit  string
	ident string
	pid   int
	mu    sync.Mutex
	part  string
}

func (w *journalWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.part += string(b)
	for {
		l, rest, ok := strings.Cut(w.part, "\n")
		if !ok {
			return len(b), nil
		}
		w.part = rest
		w.s.log(w.unit, w.ident, w.pid, l)
	}
}

func journalctl(p *proc, args []string) int {
	s := of(p)
	if s == nil {
		p.Printf("No journal files were found.\n")
		return 1
	}
	units := map[string]bool{}
	n, output, follow, reverse := -1, "short", false, false
	for i := 1; i < len(args); i++ {
		a := args[i]
		val := func() string {
			if i+1 < len(args) {
				i++
				return args[i]
			}
			return ""
		}
		switch {
		case a == "-u" || a == "--unit" || a == "-xeu" || a == "-eu" || a == "-xu":
			units[s.alias(full(val()))] = true
		case strings.HasPrefix(a, "--unit="):
			units[s.alias(full(a[7:]))] = true
		case strings.HasPrefix(a, "-u"):
			units[s.alias(full(a[2:]))] = true
		case a == "-n" || a == "--lines":
			n, _ = strconv.Atoi(val())
		case strings.HasPrefix(a, "-n"):
			n, _ = strconv.Atoi(a[2:])
		case strings.HasPrefix(a, "--lines="):
			n, _ = strconv.Atoi(a[8:])
		case a == "-o" || a == "--output":
			output = val()
		case strings.HasPrefix(a, "--output="):
			output = a[9:]
		case strings.HasPrefix(a, "-o"):
			output = a[2:]
		case a == "-f" || a == "--follow":
			follow = true
		case a == "--flush" || a == "--sync" || a == "--relinquish-var":
			return 0 // the journal is not on disk
		case a == "-r" || a == "--reverse":
			reverse = true
		case a == "--since" || a == "--until" || a == "-p" || a == "-t" || a == "--priority":
			val()
		}
	}
	print := func(e entry) {
		switch output {
		case "cat":
			p.Printf("%s\n", e.text)
		default:
			p.Printf("%s %s %s[%d]: %s\n", e.at.UTC().Format("Jan 02 15:04:05"), s.m.Hostname(), e.ident, e.pid, e.text)
		}
	}
	pick := func(from int) (out []entry, next int) {
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, e := range s.journal[min(from, len(s.journal)):] {
			if len(units) == 0 || units[e.unit] {
				out = append(out, e)
			}
		}
		return out, len(s.journal)
	}
	list, next := pick(0)
	if n >= 0 && len(list) > n {
		list = list[len(list)-n:]
	}
	if len(list) == 0 && !follow {
		p.Printf("-- No entries --\n")
	}
	for i := range list {
		if reverse {
			print(list[len(list)-1-i])
		} else {
			print(list[i])
		}
	}
	for follow && p.Sleep(50*time.Millisecond) {
		list, next = pick(next)
		for _, e := range list {
			print(e)
		}
	}
	return 0
}
