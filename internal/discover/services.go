package discover

import "github.com/infrahaus/infrahaus/internal/lxc"

// Services puts the report together.
func (r *Report) Services(address string, declared []Declared) []lxc.Service { return nil }
