package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

const (
	// answerTime is how long a registry may take to say that it has an image, pullTime the whole download.
	answerTime = 10 * time.Second
	pullTime   = 10 * time.Minute
)

var errNoAnswer = fmt.Errorf("no answer in %s", answerTime)

// pull fetches the base. A registry that is cut off by a firewall would let us wait for minutes, so it has to answer
// soon; the download that follows may take its time.
func pull(ctx context.Context, eng Engine, ref string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, pullTime)
	defer cancel()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	timer := time.AfterFunc(answerTime, func() { giveUp(errNoAnswer) })
	defer timer.Stop()

	id, err := eng.PullImage(ctx, ref, &answered{do: func() { timer.Stop() }})
	if cause := context.Cause(ctx); err != nil && errors.Is(cause, errNoAnswer) {
		return "", cause
	}
	return id, err
}

// answered calls do once the engine has announced more than the attempt: its first line ("Trying to pull …") comes
// before it has asked anybody, the next ("Getting image source signatures") after the registry gave the manifest.
type answered struct {
	mu    sync.Mutex
	lines int
	do    func()
}

func (a *answered) Write(p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.lines += bytes.Count(p, []byte("\n")); a.lines > 1 {
		a.do()
	}
	return len(p), nil
}

// whyNot returns what a registry's refusal comes down to. Podman repeats the reference, twice.
func whyNot(err error, ref string) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	if _, cause, ok := strings.Cut(line, "docker://"+ref+": "); ok {
		return cause
	}
	return line
}
