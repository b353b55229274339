package cli

import "context"

// fenceKey is the key of a run's fence in its context. Several runs of a worker share the client
// of their host, so that it cannot know the run by itself.
type fenceKey struct{}

// fenced is the context of a run whose lease others may take over: before each change, the run
// makes sure that it still has the lease. A process that was asleep for longer than its lease
// would send the request at which it fell asleep.
func (s *session) fenced(ctx context.Context) context.Context {
	if s.record == nil || s.app.worked == nil && !s.app.store.IsShared() {
		return ctx
	}
	id := s.runID
	return context.WithValue(ctx, fenceKey{}, func(ctx context.Context) error { return s.app.store.Fence(ctx, id) })
}

// mayChange asks the fence of the run, if it has one.
func mayChange(ctx context.Context) error {
	if fence, ok := ctx.Value(fenceKey{}).(func(context.Context) error); ok {
		return fence(ctx)
	}
	return nil
}
