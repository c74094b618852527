package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/key"
	"github.com/wrapix/wrapix/sandbox"
)

func newKeyRotate(s streams) *cobra.Command {
	o := &keyOptions{streams: s}
	cmd := &cobra.Command{
		Use:   "rotate REPO",
		Short: "Exchange the deploy key of a repository for a new one",
		Long: `rotate makes a new key and shows what is to be registered. The old key stays in use until the server lets the new one
push, which rotate asks for without pushing anything. Where it does not yet, run the same command again after the new
key is registered.`,
		Args: oneRepo,
		RunE: func(cmd *cobra.Command, args []string) error { return o.rotate(cmd.Context(), args[0]) },
	}
	cmd.Flags().BoolVar(&o.now, "now", false, "take the new key into use without trying it")
	cmd.Flags().BoolVar(&o.gh, "gh", false, "register the new key at GitHub with gh, and remove the old one there, without asking")
	return cmd
}

func (o *keyOptions) rotate(ctx context.Context, repo string) error {
	r, keys, err := o.open(repo)
	if err != nil {
		return err
	}
	if err := o.checkGh(r); err != nil {
		return err
	}
	before, err := keys.Find(r)
	if errors.Is(err, key.ErrNone) {
		return &usageError{what: err.Error(), try: key.Hint(r, err)}
	}
	if err != nil {
		return err
	}
	k, err := keys.Renew(r, time.Now())
	if err != nil {
		return err
	}
	if o.now && before.Next == nil { // or it would never be shown
		if err := o.register(ctx, k, *k.Next); err != nil {
			return err
		}
	}
	again := &sandbox.Error{Op: "the old key stays in use", Hint: "register the new key, then: wrapix key rotate " + k.Remote.String()}
	// One that waits may be registered by now.
	if again.Err = o.tryNext(ctx, k); errors.Is(again.Err, key.ErrRefused) {
		if err := o.register(ctx, k, *k.Next); err != nil {
			return err
		}
		again.Err = o.tryNext(ctx, k)
	}
	if again.Err != nil {
		return again
	}
	if k, err = keys.Adopt(r); err != nil {
		return err
	}
	fmt.Fprintf(o.streams.out, "the deploy key of %s is now %s; sandboxes take it from their next start on\n", k.Remote, key.Fingerprint(k.Current.Public))
	return o.unregister(ctx, k, before.Current)
}

// tryNext asks the server for a push with the key that waits, unless the person says that it works.
func (o *keyOptions) tryNext(ctx context.Context, k key.Key) error {
	if o.now {
		return nil
	}
	return key.Try(ctx, k, *k.Next)
}

func newKeyRemove(s streams) *cobra.Command {
	o := &keyOptions{streams: s}
	cmd := &cobra.Command{
		Use:   "remove REPO",
		Short: "Remove the deploy key of a repository for good",
		Args:  oneRepo,
		RunE:  func(cmd *cobra.Command, args []string) error { return o.remove(cmd.Context(), args[0]) },
	}
	cmd.Flags().BoolVar(&o.yes, "yes", false, "remove it without asking")
	cmd.Flags().BoolVar(&o.gh, "gh", false, "remove it at GitHub too, with gh, without asking")
	return cmd
}

func (o *keyOptions) remove(ctx context.Context, repo string) error {
	r, keys, err := o.open(repo)
	if err != nil {
		return err
	}
	if err := o.checkGh(r); err != nil {
		return err
	}
	k, err := keys.Find(r)
	if errors.Is(err, key.ErrNone) {
		return &usageError{what: err.Error(), try: "wrapix key list"}
	}
	if err != nil {
		return fmt.Errorf("%w; to remove it as it is: rm -r %s", err, keys.Folder(r))
	}
	if !o.yes {
		if !isTerminal(o.streams.in) {
			return &usageError{what: "remove the deploy key of " + k.Remote.String() + ": standard input is no terminal to ask on", try: "wrapix key remove --yes " + k.Remote.String()}
		}
		ok, err := yes(ctx, o.streams, "Remove the deploy key of "+k.Remote.String()+"?")
		if err == nil && !ok {
			err = errors.New("nothing was removed")
		}
		if err != nil {
			return err
		}
	}
	if err := keys.Remove(r); err != nil {
		return err
	}
	fmt.Fprintf(o.streams.out, "removed the deploy key of %s\n", k.Remote)
	return o.unregister(ctx, k, k.Current)
}
