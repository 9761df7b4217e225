package main

import (
	"github.com/spf13/cobra"

	"wtvgate/bridge/admin"
)

func contactCommand() *cobra.Command {
	return group("contact", "the contacts on an account's lists",
		contactAddCommand(),
		operation("list ADDRESS", "list an account's contacts", admin.ContactList, "ADDRESS"),
		operation("remove ADDRESS CONTACT", "take a contact off an account's lists", admin.ContactRemove, "ADDRESS", "CONTACT"))
}

func contactAddCommand() *cobra.Command {
	c := &cobra.Command{Use: "add ADDRESS CONTACT", Short: "put a contact on an account's lists", Args: exactly("ADDRESS", "CONTACT")}
	name := c.Flags().String("name", "", "the name the box shows (default: the address)")
	lists := c.Flags().String("lists", "FL,AL", "FL friends, AL may see and write, BL blocked")
	c.RunE = func(c *cobra.Command, args []string) error {
		return operate(c, admin.Request{Verb: admin.ContactAdd, Account: args[0], Contact: args[1], Name: *name, Lists: *lists})
	}
	return c
}
