package image

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// lock makes this process the only one of the user that builds. The kernel gives the lock back when the process ends,
// in whatever way.
func lock(ctx context.Context, opts Options) (unlock func(), err error) {
	dir, err := cacheDir(opts)
	if err != nil {
		return nil, err
	}
	file, err := os.OpenFile(filepath.Join(dir, "image.lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the image build: %w", err)
	}
	// A lock that is waited for cannot be given up when ctx ends, hence the repeated tries.
	try := time.NewTicker(200 * time.Millisecond)
	defer try.Stop()
	for said := false; ; {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, unix.EWOULDBLOCK) && !errors.Is(err, unix.EINTR) {
			file.Close()
			return nil, fmt.Errorf("lock the image build: %w", err)
		}
		if !said {
			said = true
			fmt.Fprintln(opts.Progress, "image: another process is building; waiting for it")
		}
		select {
		case <-ctx.Done():
			file.Close()
			return nil, ctx.Err()
		case <-try.C:
		}
	}
}
