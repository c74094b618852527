package main

import (
	"context"
	"slices"
	"strings"

	"github.com/wrapix/wrapix/engine"
)

// ofKind reads the events of one kind only; with none, all.
type ofKind struct {
	reader
	kind string
}

// Events is that of the reader, without the events that are of another kind.
func (k ofKind) Events(ctx context.Context, id engine.WorkflowID, after uint64, yield func(engine.Event) error) error {
	return k.reader.Events(ctx, id, after, func(e engine.Event) error {
		if k.kind != "" && e.Type.Kind() != k.kind {
			return nil
		}
		return yield(e)
	})
}

func knownKind(kind string) error {
	if kinds := engine.Kinds(); kind != "" && !slices.Contains(kinds, kind) {
		return usagef("ralph history --help", "there is no kind of events %q; want one of %s", kind, strings.Join(kinds, ", "))
	}
	return nil
}
