package main

import (
	"fmt"

	"github.com/spf13/cobra"
)

// takes refuses any other number of arguments with a sentence that shows how the command is called. With two numbers, the second is the most.
func takes(least int, most ...int) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if n := len(args); n < least || n > max(least, append(most, 0)[0]) {
			return fmt.Errorf("it is called '%s'; '%s --help' says more", cmd.UseLine(), cmd.CommandPath())
		}
		return nil
	}
}

// group makes a command that has only others below it: alone it shows its help, and a name that it does not know is an error.
func group(cmd *cobra.Command) *cobra.Command {
	cmd.SuggestionsMinimumDistance = 2
	cmd.Args = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return nil
		}
		if near := cmd.SuggestionsFor(args[0]); len(near) > 0 {
			return fmt.Errorf("there is no command '%s %s'; did you mean '%s'?", cmd.CommandPath(), args[0], near[0])
		}
		return fmt.Errorf("there is no command '%s %s'; '%s --help' lists those that there are", cmd.CommandPath(), args[0], cmd.CommandPath())
	}
	cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	return cmd
}
