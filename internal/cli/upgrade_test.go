package cli

import "testing"

func TestRedisCLI(t *testing.T) {
	for address, want := range map[string]string{
		"localhost:6379":                    "redis-cli -h localhost -p 6379",
		"redis://10.0.0.5":                  "redis-cli -h 10.0.0.5 -p 6379",
		"rediss://app:pw@[fd00::1]:6380/2":  "redis-cli -h fd00::1 -p 6380 --tls -n 2 --user app --askpass",
		"redis://:pw@r.example:1":           "redis-cli -h r.example -p 1 --askpass",
		"unix:///run/redis/redis.sock?db=1": "redis-cli -s /run/redis/redis.sock -n 1",
	} {
		if got := redisCLI(address); got != want {
			t.Errorf("%s: %s, want %s", address, got, want)
		}
	}
}
