package main

import (
	"github.com/spf13/cobra"

	"wtvgate/bridge/admin"
)

func accountSetCommand() *cobra.Command {
	return &cobra.Command{Use: "set ADDRESS KEY VALUE", Short: "change how the account's box shows what friends write",
		Long: `Change how the account's box shows what friends write:
  emoji      auto | words | kept | dropped   :) or :pizza:, where the client cannot show them
  links      whole | words                   with or without the address behind words that are a link
  edits      on | off                        corrected messages are shown again
  reactions  on | off                        lines such as (Bob reacted :) to "see you at 5")
  lines      auto | 1 to 500 | all           of one message, before the rest is only counted
  piece      auto | 100 to 1100              bytes in one piece of a long message`,
		Args: exactly("ADDRESS", "KEY", "VALUE"),
		RunE: func(c *cobra.Command, args []string) error {
			return operate(c, admin.Request{Verb: admin.AccountSet, Account: args[0], Key: args[1], Value: args[2]})
		}}
}
