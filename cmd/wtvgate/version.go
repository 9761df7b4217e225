package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release is the version this tree is on the way to or at; CHANGELOG.md has
// what is in it.
const release = "0.1.0"

func versionCommand() *cobra.Command {
	return &cobra.Command{Use: "version", Short: "print the version", Args: exactly(),
		RunE: func(c *cobra.Command, _ []string) error {
			fmt.Fprintf(c.OutOrStdout(), "wtvgate %s%s %s/%s %s\n", release, revision(), runtime.GOOS, runtime.GOARCH, runtime.Version())
			return nil
		}}
}

// described is what git calls the tree, set by the linker in `make release`: a
// released program is the same bytes wherever it is built, so that Go's own note
// of the tree's state is left out there.
var described string

// revision is the commit the program was built from, where that is known.
func revision() string {
	if described != "" {
		return "+" + described
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	rev, dirty := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision" && len(s.Value) >= 12:
			rev = "+" + s.Value[:12]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = ".dirty"
		}
	}
	return rev + dirty
}
