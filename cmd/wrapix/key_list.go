package main

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/key"
)

func newKeyList(s streams) *cobra.Command {
	o := &keyOptions{streams: s}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the deploy keys, with their age",
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return &usageError{what: fmt.Sprintf("no argument expected, not %q", args), try: cmd.CommandPath() + " --help"}
			}
			return nil
		},
		RunE: func(*cobra.Command, []string) error { return o.list(time.Now()) },
	}
	cmd.Flags().BoolVar(&o.json, "json", false, "print one JSON document")
	return cmd
}

// keysDocument is what `wrapix key list --json` prints.
type keysDocument struct {
	Schema int           `json:"schema"`
	Keys   []keyDocument `json:"keys"`
}

type keyDocument struct {
	Remote      string    `json:"remote"`
	Fingerprint string    `json:"fingerprint"`
	PublicKey   string    `json:"public_key"`
	HostKey     string    `json:"host_key"` // fingerprint of the pinned server
	Created     time.Time `json:"created"`
	AgeDays     int       `json:"age_days"`
	Rotate      bool      `json:"rotate"`  // it is old
	Waiting     bool      `json:"waiting"` // a new one was made, and is not in use yet
	Folder      string    `json:"folder"`
}

func (o *keyOptions) list(now time.Time) error {
	keys, err := key.Open("")
	if err != nil {
		return err
	}
	all, failed := keys.List() // one that is damaged hides no other
	if failed != nil && len(all) == 0 {
		return failed
	}
	doc := keysDocument{Schema: 1, Keys: []keyDocument{}}
	for _, k := range all {
		doc.Keys = append(doc.Keys, keyDocument{
			Remote: k.Remote.String(), Fingerprint: key.Fingerprint(k.Current.Public), PublicKey: k.Current.Line(k.Remote),
			HostKey: key.Fingerprint(k.Host), Created: k.Current.Created, AgeDays: k.Days(now), Rotate: k.Old(now),
			Waiting: k.Next != nil, Folder: k.Dir,
		})
	}
	if o.json {
		return errors.Join(printJSON(o.streams.out, doc), failed)
	}
	if len(all) == 0 {
		fmt.Fprintln(o.streams.err, "no deploy keys; wrapix key create REPO makes one")
		return nil
	}
	w := tabwriter.NewWriter(o.streams.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "REMOTE\tAGE\tFINGERPRINT\t")
	for _, d := range doc.Keys {
		note := ""
		switch {
		case d.Waiting:
			note = "a new key waits to be registered: wrapix key rotate " + d.Remote
		case d.Rotate:
			note = "old: wrapix key rotate " + d.Remote
		}
		fmt.Fprintf(w, "%s\t%d d\t%s\t%s\n", d.Remote, d.AgeDays, d.Fingerprint, note)
	}
	return errors.Join(w.Flush(), failed)
}
