// Command palabre is an XMPP server, its administration and its load tool.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the whole program: tests call it, too.
func run(args []string, in io.Reader, out, errs io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // whoever presses Ctrl-C twice does not want to wait
	root := rootCommand()
	root.SetArgs(args)
	root.SetIn(in)
	root.SetOut(out)
	root.SetErr(errs)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return 0
	}
	switch {
	case errors.Is(err, errSaid):
	case slices.Contains(args, "--json"): // the flags may not have been read so far
		_ = json.NewEncoder(errs).Encode(map[string]string{"error": err.Error()}) // nowhere is left to say it
	default:
		fmt.Fprintf(errs, "palabre: %v\n", err)
	}
	return 1
}

// errSaid ends the program with status 1 when the output has said why.
var errSaid = errors.New("failed")

func rootCommand() *cobra.Command {
	root := group(&cobra.Command{
		Use:   "palabre",
		Short: "An XMPP server for an organisation's chat",
		Long: `Palabre is an XMPP server for an organisation's chat.

  palabre serve                          start the server; without a configuration: localhost, on this machine only
  palabre user add alice@localhost       make an account
  palabre doctor                         say what is wrong with the configuration, and what to do`,
		SilenceUsage:  true,
		SilenceErrors: true,
	})
	root.PersistentFlags().String("config", "", "the configuration `FILE`; without it ./palabre.toml or /etc/palabre/palabre.toml, if there is one")
	root.PersistentFlags().Bool("json", false, "print JSON, for programs")
	root.AddCommand(serveCommand(), userCommand(), directoryCommand(), groupCommand(), roomCommand(), mailCommand(), doctorCommand(), benchCommand(), versionCommand())
	root.InitDefaultCompletionCmd()
	root.CompletionOptions.SetDefaultShellCompDirective(cobra.ShellCompDirectiveNoFileComp) // most arguments are no files
	if err := root.MarkPersistentFlagFilename("config", "toml"); err != nil {
		panic(err) // there is no such flag
	}
	for _, cmd := range root.Commands() {
		if cmd.HasSubCommands() {
			group(cmd)
		}
	}
	return root
}

func asJSON(cmd *cobra.Command) bool {
	on, err := cmd.Flags().GetBool("json")
	if err != nil {
		on, _ = cmd.PersistentFlags().GetBool("json")
	}
	return on
}

// show prints a result: as JSON, or as text says.
func show(cmd *cobra.Command, result any, text func(w io.Writer)) error {
	if asJSON(cmd) {
		return json.NewEncoder(cmd.OutOrStdout()).Encode(result)
	}
	text(cmd.OutOrStdout())
	return nil
}
