package main

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"wtvgate/bridge/matrix"
)

func matrixCommand() *cobra.Command {
	return group("matrix", "the Matrix side", registrationCommand())
}

func registrationCommand() *cobra.Command {
	c := &cobra.Command{Use: "registration", Short: "write the appservice registration for the homeserver", Args: exactly()}
	output := c.Flags().String("output", "", "file to write, - for standard output (default: matrix.appservice.registration)")
	c.RunE = func(c *cobra.Command, _ []string) error {
		cfg, err := configured(c)
		if err != nil {
			return err
		}
		o := matrixOptions(cfg)
		if *output == "-" {
			yaml, err := matrix.MakeRegistration(o)
			if err != nil {
				return err
			}
			_, err = c.OutOrStdout().Write(yaml)
			return err
		}
		path := *output
		if path == "" {
			path = o.Registration
		}
		if path == "" {
			return errors.New("matrix.appservice.registration is empty: say where with --output")
		}
		if err := matrix.WriteRegistration(o, path); err != nil {
			return err
		}
		full, err := filepath.Abs(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(c.OutOrStdout(), "wrote %s\nnext: name this file in the homeserver's configuration and restart it:\n"+
			"  Synapse   app_service_config_files: [%s]\n  Dendrite  app_service_api: {config_files: [%s]}\n", path, full, full)
		return nil
	}
	return c
}
