package doctor

import (
	"strings"

	"github.com/infrahaus/infrahaus/internal/config"
)

// Local is this machine's own part.
type Local struct {
	Paths    config.Paths
	RedisURL config.Secret
	Publish  bool
}

// userOf splits user@realm!token.
func userOf(login string) (user, token string) {
	i := strings.LastIndexByte(login, '!')
	if i < 0 {
		return login, ""
	}
	return login[:i], login[i+1:]
}
