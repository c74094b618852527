package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/internal/terminal"
	"github.com/wrapix/wrapix/key"
	"github.com/wrapix/wrapix/key/remote"
)

// keyOptions are those of the commands about deploy keys.
type keyOptions struct {
	streams streams
	hostKey string // fingerprint
	yes     bool
	gh      bool
	now     bool
	json    bool
}

const keyLong = `A deploy key lets sandboxes push to one repository and to nothing else. It is kept in your state folder, outside of
~/.ssh and of every project, and by default it never enters a sandbox: an agent on the host signs with it, for that
server and that user only.

REPO is an address over ssh (git@example.org:owner/name.git, ssh://git@example.org:2222/srv/name.git) or the name of a
git remote of the project in the present folder.`

func newKey(s streams) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "Keep deploy keys, with which sandboxes can push to one repository",
		Long:  keyLong,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{what: fmt.Sprintf("wrapix key has no command %q", args[0]), try: "wrapix key --help"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return &usageError{what: "wrapix key needs a command: create, list, rotate or remove", try: "wrapix key --help"}
		},
	}
	cmd.AddCommand(newKeyCreate(s), newKeyList(s), newKeyRotate(s), newKeyRemove(s))
	return cmd
}

// oneRepo is the argument of most of them.
func oneRepo(cmd *cobra.Command, args []string) error {
	if len(args) != 1 {
		return &usageError{what: fmt.Sprintf("one repository expected, not %q", args), try: cmd.CommandPath() + " --help"}
	}
	return nil
}

func newKeyCreate(s streams) *cobra.Command {
	o := &keyOptions{streams: s}
	cmd := &cobra.Command{
		Use:   "create REPO",
		Short: "Make the deploy key of a repository",
		Long: keyLong + `

create asks the server for its host key and you whether it is the right one: the deploy key works with that server
only. Then it prints what is to be registered there, or has GitHub's client gh do it.`,
		Example: `  wrapix key create origin
  wrapix key create ssh://git@example.org:2222/srv/name.git --host-key SHA256:...`,
		Args: oneRepo,
		RunE: func(cmd *cobra.Command, args []string) error { return o.create(cmd.Context(), args[0]) },
	}
	cmd.Flags().StringVar(&o.hostKey, "host-key", "", "the `FINGERPRINT` of the server's host key, as its owner publishes it")
	cmd.Flags().BoolVar(&o.yes, "yes", false, "take whatever host key the server shows now")
	cmd.Flags().BoolVar(&o.gh, "gh", false, "register the key at GitHub with gh, with the right to push, without asking")
	return cmd
}

func (o *keyOptions) create(ctx context.Context, repo string) error {
	r, keys, err := o.open(repo)
	if err != nil {
		return err
	}
	if _, err := keys.Find(r); err == nil {
		return &usageError{what: fmt.Sprintf("%v for %s", key.ErrExists, r), try: "wrapix key rotate " + r.String()}
	} else if !errors.Is(err, key.ErrNone) {
		return err
	}
	if err := o.checkGh(r); err != nil {
		return err
	}
	hosts, err := key.HostKeys(ctx, r)
	if err != nil {
		return err
	}
	host, err := key.Choose(hosts, o.hostKey)
	if err != nil {
		return &usageError{what: err.Error(), try: "ask the owner of " + r.Host + " which is the right one"}
	}
	if err := o.confirmHost(ctx, r, host); err != nil {
		return err
	}
	k, err := keys.Create(r, host, time.Now())
	if err != nil {
		return err
	}
	fmt.Fprintf(o.streams.out, "made the deploy key of %s: %s\n", k.Remote, key.Fingerprint(k.Current.Public))
	if err := o.register(ctx, k, k.Current); err != nil {
		return err
	}
	fmt.Fprintf(o.streams.out, "\nThen, in the wrapix.toml of a project whose sandboxes may push there:\n\n[sandbox]\ndeploy_key = %q\n", k.Remote)
	return nil
}

// confirmHost has a person say that the host key is the server's.
func (o *keyOptions) confirmHost(ctx context.Context, r remote.Remote, host key.Public) error {
	fingerprint := key.Fingerprint(host)
	shown := fmt.Sprintf("%s shows the host key %s (%s)", r.Address(), fingerprint, host.Type())
	if o.hostKey != "" {
		return nil
	}
	given := fmt.Sprintf("wrapix key create %s --host-key %s, after you compared it", r, fingerprint)
	known, err := key.Known(r, host)
	switch {
	case errors.Is(err, key.ErrOtherHost):
		return &usageError{what: shown + ": " + err.Error(), try: "ask the owner of " + r.Host + ", then give the right one with --host-key"}
	case err != nil: // one line that cannot be read is enough
		return &usageError{what: shown + ", and what your own ssh knows of it cannot be read: " + err.Error(), try: given}
	case known:
		fmt.Fprintln(o.streams.out, shown+", as in your ~/.ssh/known_hosts")
		return nil
	case key.Published(r.Host, host):
		fmt.Fprintln(o.streams.out, shown+", as its owner publishes it")
		return nil
	case o.yes:
		fmt.Fprintln(o.streams.out, shown)
		return nil
	case !isTerminal(o.streams.in):
		return &usageError{
			what: shown + ", and standard input is no terminal to ask on whether it is the right one",
			try:  given,
		}
	}
	ok, err := yes(ctx, o.streams, shown+".\nCompare it with what the server's owner tells. Is it the right one?")
	if err == nil && !ok {
		err = errors.New("the host key was not confirmed, so nothing was made")
	}
	return err
}

// open finds out which repository is meant, and opens the keys.
func (o *keyOptions) open(repo string) (remote.Remote, *key.Store, error) {
	project, err := config.FindProject(".")
	if err != nil && !errors.Is(err, config.ErrNoProject) {
		return remote.Remote{}, nil, err
	}
	r, err := meant(repo, project)
	if err != nil {
		return r, nil, err
	}
	keys, err := key.Open(project)
	if err != nil {
		return r, nil, &usageError{what: err.Error(), try: "name a folder outside of the project in XDG_STATE_HOME, or unset it"}
	}
	return r, keys, nil
}

// meant reads an address, or looks a name up among the git remotes of the project.
func meant(repo, project string) (remote.Remote, error) {
	address := repo
	if !strings.ContainsAny(repo, ":/") {
		if project == "" {
			return remote.Remote{}, &usageError{what: fmt.Sprintf("%q is no address, and this folder belongs to no project with git remotes", repo), try: "wrapix key create git@example.org:owner/name.git"}
		}
		var err error
		if address, err = remote.Named(project, repo); err != nil {
			return remote.Remote{}, &usageError{what: err.Error(), try: "give the address of the repository instead"}
		}
	}
	r, err := remote.Parse(address)
	var http *remote.HTTPError
	switch {
	case errors.As(err, &http):
		return r, &usageError{what: terminal.Line(err.Error()), try: "wrapix key create " + http.SSH + ", and let git push there: git remote set-url --push NAME " + http.SSH}
	case err != nil:
		return r, &usageError{what: terminal.Line(err.Error())}
	}
	return r, nil
}
