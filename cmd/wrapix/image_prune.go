package main

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/wrapix/wrapix/config"
	"github.com/wrapix/wrapix/sandbox/image"
	"github.com/wrapix/wrapix/sandbox/profile"
)

func newImagePrune(connect connectFunc) *cobra.Command {
	var all bool
	cmd := &cobra.Command{
		Use:   "prune",
		Short: "Remove images of wrapix that nothing uses",
		Long: `prune removes the images that wrapix made and that no container uses, but for those of the built-in profiles as they
are now, and of the profiles and the Containerfile of wrapix.toml in the present folder; with --all those too. What is left of
builds that were killed goes as well. What another image is made of stays, and so does what was fetched from a registry.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			var keep []profile.Profile
			var files []string
			if !all {
				conf, err := loadConfig(".")
				if err == nil {
					keep, files, err = wantedHere(conf)
				}
				if err != nil {
					return err
				}
			}
			engine, err := connect(cmd)
			if err != nil {
				return err
			}
			defer engine.Close()
			removed, err := image.Prune(cmd.Context(), engine, keep, files, image.Options{Progress: cmd.ErrOrStderr()})
			for _, name := range removed {
				fmt.Fprintf(cmd.OutOrStdout(), "removed %s\n", name)
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&all, "all", false, "also those that the next sandbox would need: it makes them again")
	return cmd
}

// wantedHere are the profiles and the texts of Containerfiles whose images a configuration can ask for.
func wantedHere(conf config.Config) (profiles []profile.Profile, files []string, err error) {
	if profiles, err = conf.AllProfiles(); err != nil {
		return nil, nil, err
	}
	ofAgents, err := conf.AgentProfiles()
	if text := conf.Sandbox.Containerfile; text != "" {
		files = append(files, text)
	}
	return append(profiles, ofAgents...), files, err
}
