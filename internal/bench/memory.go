package main

import (
	"context"
	"os"
)

// loopMemory measures what a loop has of memory late and early in 10,000 iterations. One run says both, and it takes
// half a minute on a disk, so there is one for all rounds, in memory where that can be: it is not the disk that is
// measured.
func (b *bench) loopMemory() (late, early measure) {
	var out []byte
	of := func(unit string) measure {
		return func(ctx context.Context) (float64, error) {
			if out == nil {
				temp, err := os.MkdirTemp("/dev/shm", "ralph-bench-")
				if err != nil {
					temp = b.dir
				} else {
					defer os.RemoveAll(temp)
				}
				if out, err = b.runBenchmark(ctx, "cmd/ralph", "LoopMemory", "1x", temp); err != nil {
					return 0, err
				}
			}
			return reported(out, unit)
		}
	}
	return of("resident-bytes-late"), of("resident-bytes-early")
}
