package coreutils_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/infrahaus/infrahaus/internal/sandbox/virtual"
)

var record = flag.Bool("record", false, "ask the host's own tools (GNU's, and mawk) for the answers once more")

// answer is what the real tools say to a script.
type answer struct {
	Out    string
	Status int
}

// pair runs scripts in a virtual guest and holds them against the real tools:
// their recorded answers, or the host's with -record.
type pair struct {
	m       *virtual.Machine
	n       int
	dir     string
	answers map[string]answer
}

const recordings = "testdata/answers.json"

func newPair(t *testing.T) *pair {
	t.Helper()
	m, err := virtual.NewMachine(filepath.Join(t.TempDir(), "rootfs"), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Halt)
	p := &pair{m: m, dir: t.TempDir(), answers: map[string]answer{}}
	b, err := os.ReadFile(recordings)
	if err == nil {
		err = json.Unmarshal(b, &p.answers)
	}
	if err != nil && !*record {
		t.Fatal(err)
	}
	return p
}

const prepare = `umask 022; mkdir -p w && cd w || exit 9
printf 'one two three\nfour five six\n\nseven\n' >f
printf 'b 2 x\na 10 y\nc 1 x\na 9 z\n' >n
printf 'root:x:0:0:root:/root:/bin/sh\nweb:x:1000:1000:Web,,,:/home/web:/bin/bash\n' >p
printf 'no end' >e; : >z; mkdir -p d/s; echo 1 >d/a.txt; echo 22 >d/b.log; echo 333 >d/s/c.txt; ln -sf f l; chmod 640 n
`

func (p *pair) host(t *testing.T, script string) (string, int) {
	t.Helper()
	p.n++
	dir := filepath.Join(p.dir, string(rune('a'+p.n%26))+strings.Repeat("x", p.n/26))
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "sh", "-c", prepare+script)
	c.Dir, c.Env = dir, []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=/root"}
	out, err := c.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), c.ProcessState.ExitCode()
}

func (p *pair) guest(t *testing.T, script string) (out, errs string, status int) {
	t.Helper()
	var o, e bytes.Buffer
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	defer cancel()
	st, err := p.m.Run(ctx, virtual.Exec{Argv: []string{"sh", "-c", "rm -rf /tmp/w; " + prepare + script}, Cwd: "/tmp",
		Env: []string{"PATH=/usr/bin:/bin", "LC_ALL=C", "TZ=UTC", "HOME=/root"}, Stdout: &o, Stderr: &e})
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", script, err, o.String(), e.String())
	}
	return o.String(), e.String(), st
}

func (p *pair) compare(t *testing.T, scripts []string) {
	t.Helper()
	for _, s := range scripts {
		if *record {
			out, st := p.host(t, s)
			p.answers[s] = answer{out, st}
		}
		want, ok := p.answers[s]
		if !ok {
			t.Errorf("%s: no recording: run the test with -record", s)
			continue
		}
		got, errs, status := p.guest(t, s)
		if got != want.Out || status != want.Status {
			t.Errorf("%s\n guest %d %q %q\n real  %d %q", s, status, got, errs, want.Status, want.Out)
		}
	}
	if *record {
		b, err := json.MarshalIndent(p.answers, "", "\t")
		if err == nil {
			err = os.WriteFile(recordings, append(b, '\n'), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestLikeTheRealTools(t *testing.T) {
	p := newPair(t)
	p.compare(t, []string{
		"ls", "ls -a d", "ls -1F", "ls -d d f", "ls d/*.txt", "ls -R d", "ls nothere 2>/dev/null", "ls -ln n | cut -c1-10", "ls -r", "ls -p",
		"stat -c '%n %s %a %F' f n d l z", "stat -c %a%A n", "stat -L -c %F l", "stat -c %N f l",
		"cut -d: -f1,7 p", "cut -d: -f2- p", "cut -c2-4 f", "cut -d' ' -f2 f", "cut -sd: -f1 f", "cut -b1 f", "cut -d: -f1 --output-delimiter=, p", "cut -d: -f1,3 --output-delimiter=' ' p",
		"sort n", "sort -r n", "sort -k2n n", "sort -k2,2nr -k1,1 n", "sort -t: -k3n p", "sort -u -k1,1 n", "sort -n -k2 n | head -1", "printf '1.10\\n1.9\\n1.2\\n' | sort -V", "sort -c n 2>/dev/null", "printf 'b\\na\\nB\\n' | sort -f",
		"tr a-z A-Z <f", "tr -d '\\n' <f", "tr -s ' ' <n", "tr -cd '[:alnum:]' <f", "tr '[:lower:]' '[:upper:]' <p", "printf 'a  b\\tc' | tr -s '[:space:]' '\\n'", "tr -c 'a-z\\n' _ <n",
		"sed -n 2p f", "sed '$d' f", "sed 's/o/0/g' f", "sed 's/\\(o\\)\\(n\\)/\\2\\1/' f", "sed -E 's/([a-z]+) ([a-z]+)/\\2 \\1/' f", "sed '/^$/d' f", "sed -n '/four/,/seven/p' f", "sed '1i\\\nnew' f", "sed 's|/bin|/usr&|' p", "sed -e 1d -e 's/x/y/' p", "sed 1q f", "sed -n '$=' f", "sed 'y/abc/xyz/' f", "sed -i 's/one/1/' f; cat f", "sed '2!d' f", "sed 's/ /\\\n/2' f", "sed '/two/a after' f", "sed 's/x/&&/2' p", "sed -n 's/root/R/p' p", "sed G f", "sed 's/E/y/I' f",
		"grep o f", "grep -c o f", "grep -v o f", "grep -n e f", "grep -q zzz f", "grep -E '^(one|seven)' f", "grep -o '[0-9][0-9]*' n", "grep -i ONE f", "grep -w two f", "grep -x seven f", "grep -F . f", "grep -l o f n p", "grep -rl 1 d | sort", "grep -e one -e six f", "grep -A1 one f", "grep -m1 o f", "grep -h o f p", "grep x nothere 2>/dev/null", "grep '[[:digit:]]' n", "grep -L zz f n", "grep -s x nothere",
		"head -1 f", "head -n 2 f n", "head -c 5 f", "head -n -1 f", "tail -1 f", "tail -n +2 f", "tail -c 4 f", "tail -n 2 e", "head -3 e", "tail -c +5 e",
		"wc f", "wc -l <f", "wc -c f n", "wc -w f", "wc -l f n e", "wc -m <e",
		"dd if=f bs=4 count=2 2>/dev/null", "dd if=f bs=1 skip=4 count=3 2>/dev/null", "printf abcdef | dd of=o bs=2 2>/dev/null; cat o", "dd if=/dev/zero bs=10 count=2 2>/dev/null | od -An -tx1", "printf XY | dd of=e bs=1 seek=3 conv=notrunc 2>/dev/null; cat e",
		"tar -cf t.tar d && mkdir q && tar -xf t.tar -C q && find q | sort", "tar -cf - f n | tar -tf -", "tar -czf t.tgz d; tar -xzf t.tgz -O d/a.txt", "tar -cf - -C d a.txt | tar -xf - && cat a.txt", "tar -cf t.tar d; tar -xf t.tar --strip-components=1 -C d && ls d", "chmod 4711 f; tar -cpf t f; rm f; tar -xpf t; stat -c %a f",
		"find . | sort", "find d -name '*.txt' | sort", "find d -type d | sort", "find d -type f -exec cat {} + | sort", "find d -maxdepth 1 -type f | sort", "find . -empty | sort", "find d ! -name '*.txt' -type f", "find d \\( -name a.txt -o -name b.log \\) -print | sort", "find d -name '*.log' -delete; ls d", "find . -type l", "find d -size -1k | sort", "find . -path './d/*' -prune -o -name f -print", "find d -type f -printf '%f %s\\n' | sort", "find d -name s -exec echo '<{}>' \\;", "find nothere 2>/dev/null", "find . -perm 640", "find d -mindepth 2", "find d -type f -print0 | tr '\\0' ,|tr -cd , ",
		"echo a b c | xargs -n1 echo x", "printf 'a\\0b c\\0' | xargs -0 -n1 echo", "echo a b | xargs -I{} echo '[{}]'", "xargs -r echo none </dev/null", "echo 'a \"b c\" d' | xargs -n1", "echo 1 | xargs false", "seq 5 | xargs -n2",
		"base64 f", "base64 -w0 f | base64 -d", "printf 'aGk=' | base64 -d", "head -c 100 /dev/zero | base64", "sha256sum f n", "md5sum <f", "sha1sum f | sha1sum -c", "sha512sum e | cut -c1-20", "sha256sum f >s; echo x >>f; sha256sum -c s 2>/dev/null",
		"printf '%s-%s\\n' a b c", "printf '%05d|%-5s|%5s|%x|%o\\n' 42 ab cd 255 8", "printf '%b' 'a\\tb\\n'", "printf '%%\\n'", "printf '%c%c\\n' abc def", "printf '%.2f\\n' 3.14159", "printf '\\101\\n'", "printf '%s\\n'", "printf '%d\\n' 0x1f",
		"date -u -d @0 '+%Y-%m-%d %H:%M:%S'", "date -u -d '2024-02-29 12:00:00' +%s", "date -u -d @1700000000 '+%a %b %e %j %u %T %Z'", "date -u -d 2024-03-01 +%F", "date -u -d @86400 -R", "date -u -d @0 -Iseconds",
		"uniq n", "printf 'a\\na\\nb\\n' | uniq -c", "printf 'a\\na\\nb\\n' | uniq -d", "printf 'a\\na\\nb\\n' | uniq -u", "seq 3", "seq 2 2 8", "seq -s, 4", "seq 3 -1 1", "seq -w 8 10", "rev f", "tac f", "paste f n", "paste -sd, n", "cmp f f", "cmp -s f n", "od -An -tx1 e", "od -c e", "expr 3 + 4 \\* 2", "expr abc : 'a\\(.\\)'", "expr 1 = 2", "expr length abcd", "basename /a/b.txt .txt", "dirname /a/b/c", "dirname a", "basename a/b/",
		"mkdir -p x/y/z; rmdir x/y/z; ls x", "cp -r d D; find D | sort", "cp -a l L; readlink L", "cp f n d; ls d", "mv f g; ls", "ln -s a b; readlink b", "ln f hard; stat -c %h f", "touch -d '2020-01-02 03:04:05' f; stat -c %Y f", "chmod u+x,g-r n; stat -c %a n", "chmod -R go= d; stat -c %a d d/a.txt", "chmod 1777 d; stat -c %A d", "mktemp -d XXXX | wc -c", "readlink -f l | sed 's|.*/||'", "realpath d/../f | sed 's|.*/||'", "install -m 600 f i; stat -c %a i", "install -D f a/b/c; cat a/b/c", "truncate -s 3 f; cat f", "rm nothere 2>/dev/null", "rm -f nothere", "rm d 2>/dev/null", "rm -r d; ls", "tee a b <e; cat a b", "test -s z", "env -i A=1 env", "env A=b sh -c 'echo $A'", "nohup echo hi 2>/dev/null", "timeout 5 echo ok", "timeout 0.05 sleep 3", "cat -n f", "yes | head -2", "gzip -c f | gunzip", "gzip f; zcat f.gz; ls", "du -s nothere 2>/dev/null", "diff f f", "diff -q f n", "mkfifo m; stat -c %F m", "echo a | cat e -", "cmp f n | cut -c1-10",
	})
}

func TestAwk(t *testing.T) {
	newPair(t).compare(t, []string{
		"awk '{print $1}' f", "awk '{print $NF}' f", "awk 'NR==2' f", "awk 'END{print NR}' f", "awk -F: '{print $1, $7}' p", "awk -F: '$3>=1000{print $1}' p", "awk -F: -v OFS=, '{print $1,$3}' p", "awk 'BEGIN{print 1+2*3, 2^3^2, 7%3, -2^2, 10/4}'",
		"awk '/five/' f", "awk '!/five/{n++} END{print n}' f", "awk '/four/,/seven/' f", "awk '{s+=$2} END{print s, s/NR}' n", "awk '{a[$1]+=$2} END{for(k in a) print k, a[k]}' n | sort", "awk '!s[$1]++' n", "awk 'length($0)>5' f", "awk '{print length, NF}' f",
		"awk '{$2=\"X\"; print}' f", "awk '{$5=\"new\"; print; print NF}' n", "awk '{NF=2; print}' n", "awk 'BEGIN{FS=\":\"} {print $6}' p", "awk -F'[:,]' '{print $5}' p", "awk -F'\\t' '{print NF}' f", "awk -F '|' '{print NF}' p", "awk -F. '{print $1}' e",
		"awk 'BEGIN{x=\"abc\"; print substr(x,2), substr(x,2,1), substr(x,-1), substr(x,5) \"|\"}'", "awk 'BEGIN{print index(\"foobar\",\"bar\"), toupper(\"aB\"), tolower(\"aB\"), int(3.9), int(-3.9)}'", "awk 'BEGIN{n=split(\"a:b:c\",x,\":\"); print n, x[1], x[3]}'", "awk 'BEGIN{n=split(\"  a  b \",x); print n, x[1], x[2]}'", "awk 'BEGIN{n=split(\"\",x); print n}'", "awk '{gsub(/o/,\"0\"); print}' f", "awk '{n=gsub(/[aeiou]/,\"<&>\"); print n, $0}' f", "awk 'BEGIN{s=\"aaa\"; sub(/a/,\"b\",s); print s; gsub(\"a\",\"\\\\&\",s); print s}'", "awk 'BEGIN{if(match(\"foobar\",/o+/)) print RSTART,RLENGTH; print match(\"x\",/y/), RSTART, RLENGTH}'", "awk '{sub(/ .*/,\"\"); print $1}' f",
		"awk 'BEGIN{printf \"%5d|%-5s|%05.1f|%x|%c|%c|%s%%\\n\", 42, \"ab\", 3.14159, 255, 65, \"hello\", 10}'", "awk 'BEGIN{print sprintf(\"%03d\", 7) \"x\"}'", "awk 'BEGIN{printf \"%s\\n\", 0.1+0.2; print 1e6, 1e20, 0.1+0.2, 1/3}'", "awk 'BEGIN{printf(\"%s %s\\n\", \"a\", \"b\")}'", "awk 'BEGIN{printf \"%*d|\\n\", 5, 3}'",
		"awk 'BEGIN{i=0; while(i<3){print i; i++}}'", "awk 'BEGIN{for(i=3;i>0;i--) printf \"%d \", i; print \"\"}'", "awk 'BEGIN{do{n++}while(n<5); print n}'", "awk 'BEGIN{for(;;){if(++i>4)break; if(i%2)continue; print i}}'", "awk '{if($1==\"a\")print \"A\"; else if($1==\"b\")print \"B\"; else print \"?\"}' n", "awk 'NR==1{next} {print} NR==3{exit}' n", "awk 'BEGIN{exit 3} END{print \"end\"}'", "awk '{exit NR+1}' f", "awk 'BEGIN{x[1];x[2]; delete x[1]; print (1 in x), (2 in x), length(x)}'", "awk 'BEGIN{a[1,2]=3; for(k in a){split(k,q,SUBSEP); print q[1],q[2]}; if((1,2) in a)print \"yes\"}'",
		"awk 'BEGIN{print 1==1.0, \"a\"<\"b\", \"10\"<\"9\", 10<9, \"a\"~/a/, \"a\"!~/b/}'", "awk '$2<10{print $1,$2}' n", "awk '$1~/^[ab]$/ && $2>5' n", "awk '$3==\"x\" || NR==2' n", "awk 'BEGIN{print (1>2)?\"a\":\"b\"}'", "awk 'BEGIN{print 1 \" \" 2, \"a\" \"b\"; print -1 \" \" -1; x=3; print x++ + ++x, x--, x}'", "awk -v n=3 -v s='a\\tb' 'BEGIN{print n+1, s}'", "awk '{print v, $1}' v=1 e v=2 e", "awk 'END{print $0, NF}' n", "awk '{print FILENAME, FNR, NR}' f n | tail -1", "X=5 awk 'BEGIN{print ENVIRON[\"X\"]}'", "printf 'a b\\n' | awk '{print $2}' -", "awk 'BEGIN{print length()}' </dev/null", "awk 'BEGIN { # note\n print \"a\" # more\n\n print \"b\"; ; }'", "awk 'BEGIN{if(!(3 in a))print \"no\"; if(!x)print \"unset\"; print x+0, x \"\" }'", "awk '/a/{print \"A\"}\n/b/{print \"B\"}\nEND{print \"E\"}' n", "awk 'BEGIN{print \"x\" > \"/dev/stderr\"}' 2>&1", "awk 'BEGIN{a=b=2; a+=3; a*=2; a-=1; a/=3; a^=2; a%=5; print a, b}'", "awk 'NR%2' n", "awk '$0=NR\": \"$0' n", "awk '{$1=\"\"; print}' n", "awk '{$1=$1}1' n", "awk 1 e", "awk '{print $(NF-1)}' n", "awk 'function' f 2>/dev/null; test $? -eq 2", "awk 'BEGIN{print 1' 2>/dev/null", "awk '{print}' nothere 2>/dev/null", "awk 'BEGIN{print substr(\"hello\",2,3)\n}\n'", "awk 'BEGIN{print \"\\\"q\\\"\", \"\\101\"}'", "awk '/\\/bin\\/sh$/{print $1}' p", "awk -F: '{print $1}{print $3}' p", "awk 'BEGIN{while(i<3)\n{\ni++\n}\nprint i}'", "awk 'BEGIN{print 3 4; print 1,2 ; print(1)(2)}'", "awk '{a[NR]=$0} END{for(i=NR;i>0;i--)print a[i]}' n", "awk 'BEGIN{print index(\"a.b\",\".\"); print \"a.b\"~\"a\\\\.b\"}'", "awk 'BEGIN{print 010+0, \"3x\"+1, \".5\"+1, \"1e2\"+0}'",
		`printf 'HTTP/1.1 301 M\n  HTTP/1.1 200 OK\n' | awk '/HTTP\/[0-9.]+ [0-9]/ { for (i = 1; i < NF; i++) if ($i ~ /^HTTP\//) c = $(i + 1) } END { print c }'`,
	})
}

func TestAwkRefuses(t *testing.T) {
	p := newPair(t)
	for prog, want := range map[string]string{
		`{ while ((getline l < "f") > 0) n++ }`: "getline", `function f(x) { return x }`: "function", `{ print | "sort" }`: "print into a pipe", `{ print > "out" }`: "redirection of print to out",
		`BEGIN { system("ls") }`: "system", `BEGIN { RS="" } 1`: "RS", `BEGIN { print strftime() }`: "strftime", `BEGIN { print f(1) }`: "the function f", `BEGIN { print ARGV[1] }`: "ARGV",
	} {
		out, errs, st := p.guest(t, "awk '"+prog+"' f")
		if st != 2 || !strings.Contains(errs, "sandbox: "+want+" is not supported") {
			t.Errorf("%s: %d %q %q", prog, st, out, errs)
		}
	}
}
