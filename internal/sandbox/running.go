package sandbox

import (
	"context"

	"github.com/infrahaus/infrahaus/internal/sandbox/node"
)

// Running returns the endpoint of the sandbox in dir if a process holds it open. It starts
// and waits for none.
func Running(ctx context.Context, dir string) (Endpoint, bool) {
	e, err := readEndpoint(dir)
	if err != nil || !e.answers(ctx) {
		return Endpoint{}, false
	}
	return *e, true
}

// NodeName is the name of the sandbox's first node, which answers the API.
const NodeName = node.Name
