#!/bin/sh
# github.com/alicebob/miniredis/v2 2.40.0, a Redis for tests: some commands give another result than
# Redis 7.0.15 (Debian 12), and no error. A test passes with a behaviour that no server has. Each
# row begins with an empty database; "fails" is an error that Redis returns.
#
#   commands                                              the last answer: miniredis    Redis
#   XADD s 5-0, XDEL s 5-0, XADD s 4-0                     4-0                           fails
#   XADD s 5-0, XTRIM s MAXLEN 0, XADD s 4-0               4-0                           fails
#   an entry is read by a group, XDEL, XPENDING            0 pending                     1 pending
#   SADD d a, SINTERSTORE d none, EXISTS d                 1                             0
#   ZADD z 1 a, ZADD z GT INCR -5 a, ZSCORE z a            -4                            1
#   PFADD p a b, PFMERGE q p, PFCOUNT p q                  4                             2
#   HSET h a 1, HINCRBY h a 9223372036854775807            the least number              fails
#   SET k 010, INCR k                                      11                            fails
#   SET k v, GETRANGE k -5 -10                             v                             empty
#   SETRANGE k 0 "", EXISTS k                              1                             0
#   1000 keys, SCAN 0                                      all, cursor 0                 some
#
# The first three matter to a consumer of a stream: after a stream was emptied, miniredis gives an
# id for the second time, and it forgets what was read and not acknowledged.
#
# Needs Go and Debian 12 (apt-get, dpkg). Exit status 0: everything is as stated.
set -eu
dir=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; wait; rm -rf "$dir"' EXIT
cd "$dir"
chmod 755 .
apt-get download redis-tools libjemalloc2 liblzf1 libatomic1 >/dev/null 2>&1
for deb in *.deb; do dpkg -x "$deb" root; done
ln -s "$dir/root/usr/bin/redis-check-rdb" redis-server # one program, which goes by its name
LD_LIBRARY_PATH=$dir/root/usr/lib/x86_64-linux-gnu ./redis-server --port 0 --unixsocket "$dir/socket" \
	--save '' --appendonly no --dir "$dir" >/dev/null &
server=$!
cat >go.mod <<'M'
module finding
go 1.25
M
cat >main.go <<'G'
package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"
)

func main() {
	m, err := miniredis.Run()
	if err != nil {
		panic(err)
	}
	ctx := context.Background()
	mini := redis.NewClient(&redis.Options{Addr: m.Addr(), Protocol: 2})
	real := redis.NewClient(&redis.Options{Network: "unix", Addr: os.Args[1], Protocol: 2})
	var scan []string
	for i := range 1000 {
		scan = append(scan, fmt.Sprintf("SET k%d v", i))
	}
	scan = append(scan, "SCAN 0")
	last := func(c *redis.Client, commands []string) (answer string) {
		if err := c.FlushAll(ctx).Err(); err != nil {
			panic(err)
		}
		for _, command := range commands {
			var words []any
			for _, w := range strings.Fields(command) {
				words = append(words, strings.Trim(w, `"`))
			}
			v, err := c.Do(ctx, words...).Result()
			answer = fmt.Sprint(v)
			if err != nil {
				answer = "fails"
			} else if page, ok := v.([]any); ok && words[0] == "SCAN" {
				answer = fmt.Sprint("all: ", len(page[1].([]any)) == 1000 && page[0] == "0")
			}
		}
		return answer
	}
	wrong := false
	for _, row := range []struct{ commands, mini, real string }{
		{"XADD s 5-0 a b, XDEL s 5-0, XADD s 4-0 a b", "4-0", "fails"},
		{"XADD s 5-0 a b, XTRIM s MAXLEN 0, XADD s 4-0 a b", "4-0", "fails"},
		{"XADD s 5-0 a b, XGROUP CREATE s g 0, XREADGROUP GROUP g c STREAMS s >, XDEL s 5-0, XPENDING s g", "[0 <nil> <nil> <nil>]", "[1 5-0 5-0 [[c 1]]]"},
		{"SADD d a, SINTERSTORE d none, EXISTS d", "1", "0"},
		{"ZADD z 1 a, ZADD z GT INCR -5 a, ZSCORE z a", "-4", "1"},
		{"PFADD p a b, PFMERGE q p, PFCOUNT p q", "4", "2"},
		{"HSET h a 1, HINCRBY h a 9223372036854775807", "-9223372036854775808", "fails"},
		{"SET k 010, INCR k", "11", "fails"},
		{"SET k v, GETRANGE k -5 -10", "v", ""},
		{`SETRANGE k 0 "", EXISTS k`, "1", "0"},
		{strings.Join(scan, ", "), "all: true", "all: false"},
	} {
		commands := strings.Split(row.commands, ", ")
		a, b := last(mini, commands), last(real, commands)
		fmt.Printf("miniredis: %-22s Redis: %-20s %.60s\n", a, b, row.commands)
		wrong = wrong || a != row.mini || b != row.real
	}
	if wrong {
		os.Exit(1)
	}
}
G
export GOFLAGS=-mod=mod GOTOOLCHAIN=local CGO_ENABLED=0
go get github.com/alicebob/miniredis/v2@v2.40.0 github.com/redis/go-redis/v9@v9.23.0 >/dev/null 2>&1
go build -o finding .
until [ -S socket ]; do
	kill -0 "$server" || { echo "Redis did not start"; exit 1; }
	sleep 0.1
done
./finding "$dir/socket"
