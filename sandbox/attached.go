package sandbox

import (
	"context"
	"time"
)

// resizeAgain is after which quiet a terminal is told its size once more: of two sizes that come shortly one after the
// other, the engine's monitor now and then takes the first only. To be told the same again is nothing that a command sees.
const resizeAgain = 200 * time.Millisecond

// RunAttached runs one command with the caller's own streams, returns its exit code and removes the sandbox. When ctx
// is cancelled the sandbox is killed.
//
// With Spec.Keep the sandbox stays, and goes on when ctx is cancelled; only one that was not started is removed.
func RunAttached(ctx context.Context, rt Runtime, spec Spec, streams Streams) (code int, err error) {
	spec.Attached = true
	spec.Terminal = streams.Terminal
	if spec, err = spec.complete(); err != nil {
		return 0, err
	}
	closeGateway, err := spec.openGateway(streams.Denied)
	if err != nil {
		return 0, err
	}
	defer closeGateway()
	if err := rt.Create(ctx, spec); err != nil {
		return 0, err
	}
	started := false
	defer func() {
		if started && spec.Keep {
			return
		}
		if errRemove := rt.Remove(context.WithoutCancel(ctx), spec.Name); err == nil {
			err = errRemove
		}
	}()
	ended, err := rt.Attach(ctx, spec.Name, streams)
	if err != nil {
		return 0, err
	}
	if err := rt.Start(ctx, spec.Name); err != nil {
		return 0, err
	}
	started = true
	return follow(ctx, rt, spec.Name, streams, ended)
}

// Reattach connects streams with an attached sandbox that runs, until it ends, and returns its exit code. When ctx is
// cancelled the sandbox goes on.
func Reattach(ctx context.Context, rt Runtime, name string, streams Streams) (int, error) {
	ended, err := rt.Attach(ctx, name, streams)
	if err != nil {
		return 0, err
	}
	return follow(ctx, rt, name, streams, ended)
}

// follow passes the sizes of the terminal on until the output has ended, and returns the exit code.
func follow(ctx context.Context, rt Runtime, name string, streams Streams, ended func() error) (int, error) {
	resizing, stop := context.WithCancel(ctx)
	resized := make(chan struct{})
	go func() {
		defer close(resized)
		PassSizes(resizing, streams.Resize, func(size Size) {
			rt.Resize(resizing, name, size) // a wrong size is no reason to end
		})
	}()
	err := ended()
	stop()
	<-resized
	if err != nil {
		return 0, err
	}
	return rt.Wait(ctx, name)
}

// PassSizes tells the sizes of a terminal as they come, and the last of them once more when it has settled, until ctx ends.
func PassSizes(ctx context.Context, sizes <-chan Size, tell func(Size)) {
	var last Size
	var settled <-chan time.Time
	for {
		select {
		case size, ok := <-sizes:
			if !ok {
				return
			}
			last, settled = size, time.After(resizeAgain)
			tell(last)
		case <-settled:
			settled = nil
			tell(last)
		case <-ctx.Done():
			return
		}
	}
}
