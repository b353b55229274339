package config

import (
	"context"
)

type fileHost struct{}

func (c *Config) readFile(path string) error { return nil }

// HostName is the name of the host that Host("") gives: --host, else the
// environment's, else default_host, else the only one in the file; "" if there
// is none.
func (c *Config) HostName() string { return "" }

// HostNames are the hosts of the file, sorted.
func (c *Config) HostNames() []string { return nil }

// Host resolves one host: "" is the one that --host, the environment or
// default_host selects. Secrets kept elsewhere are read now; token_command is
// run, for at most 30 s.
func (c *Config) Host(ctx context.Context, name string) (*Host, error) { return nil, nil }
