package cli

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// statusHead begins the last part of a command's help.
const statusHead = "\n\nExit status:\n"

// showHelp prints a command's help: what it is for, its usage and flags, and
// last its exit statuses, which stand at the end of Long.
func showHelp(cmd *cobra.Command, _ []string) {
	addTopics(cmd.Root())
	cmd.InitDefaultHelpFlag()
	cmd.InitDefaultVersionFlag()
	text, statuses, _ := strings.Cut(cmd.Long, statusHead)
	fmt.Fprintf(cmd.OutOrStdout(), "%s\n\n%s", text, cmd.UsageString())
	if !cmd.HasParent() {
		fmt.Fprint(cmd.OutOrStdout(), topicList())
	}
	if statuses != "" {
		fmt.Fprintf(cmd.OutOrStdout(), "\nExit status:\n%s\n", statuses)
	}
}

// addTopics adds the texts that consist of topics to the commands that show them. Topics are
// made from many tables: to make them at the start took a tenth of the shortest commands.
func addTopics(root *cobra.Command) {
	for _, c := range root.Commands() {
		switch c.Name() {
		case "help":
			c.Long = "Help about any command, such as: infrahaus help template show.\n\nTopics are texts about no single command, such as: infrahaus help config.\n" +
				topicList() + strings.TrimPrefix(exitStatuses(0, 2), "\n")
		case "sandbox":
			c.Long = strings.TrimRight(sandboxTopic().Text(), "\n") + exitStatuses(0, 2)
		}
	}
}

// newHelpCmd is cobra's help command with an error for what there is not.
func newHelpCmd() *cobra.Command {
	return &cobra.Command{
		Use:     "help [command | topic]",
		GroupID: "more",
		Short:   "Help about any command or topic",
		RunE: func(c *cobra.Command, args []string) error {
			if showTopic(c, args) {
				return nil
			}
			cmd, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd, args[len(args)-max(1, len(rest))])
			}
			return cmd.Help()
		},
		ValidArgsFunction: func(c *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			cmd, rest, err := c.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			var names []string
			for _, sub := range cmd.Commands() {
				if sub.IsAvailableCommand() {
					names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
				}
			}
			if len(args) == 0 {
				for _, t := range Topics() {
					names = append(names, cobra.CompletionWithDesc(t.Name, t.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
	}
}

// mendCompletion gives cobra's completion commands what ours have.
func mendCompletion(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() != "completion" {
			continue
		}
		c.Short = "Print the completion script of a shell"
		c.Long = "Print a script that completes infrahaus's commands, flags and containers in a\nshell; the help of each shell's command says where to put it." + exitStatuses(0, 2)
		c.Args, c.RunE = noArgs, helpOnly
		for _, sub := range c.Commands() {
			sub.Short = strings.Replace(sub.Short, "Generate the autocompletion", "Print the completion", 1)
			sub.Long = strings.TrimRight(sub.Long, "\n") + exitStatuses(0, 2)
			sub.Args = noArgs
		}
	}
}

// helpOnly is a command that only has commands below it.
func helpOnly(cmd *cobra.Command, _ []string) error { return cmd.Help() }

// noArgs is cobra.NoArgs with an error in the words of this tool.
func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return nil
	case cmd.HasAvailableSubCommands():
		return unknownCommand(cmd, args[0])
	}
	return usagef("%s takes no arguments, got %q", cmd.Name(), args[0]).hint("%s --help", cmd.CommandPath())
}

func unknownCommand(parent *cobra.Command, name string) error {
	parent.SuggestionsMinimumDistance = 2
	near := ""
	if s := parent.SuggestionsFor(name); len(s) > 0 {
		near = fmt.Sprintf(", did you mean %q?", s[0])
	}
	return usagef("cannot find command %q%s", name, near).hint("%s --help", parent.CommandPath())
}

// exactArgs is cobra.ExactArgs with an error in the words of this tool.
func exactArgs(names ...string) cobra.PositionalArgs {
	return rangeArgs(len(names), len(names), strings.Join(names, " and "))
}

// rangeArgs allows optional arguments after the required ones.
func rangeArgs(least, most int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) >= least && len(args) <= most {
			for _, arg := range args {
				if strings.TrimSpace(arg) == "" {
					return usagef("%s got an empty argument: it takes %s", cmd.Name(), what).hint("is a variable of the script empty?")
				}
			}
			return nil
		}
		got := fmt.Sprintf("%d", len(args))
		if len(args) == 0 {
			got = "none"
		}
		return usagef("%s takes %s, got %s", cmd.Name(), what, got).hint("%s --help", cmd.CommandPath())
	}
}

// emptyFlag refuses a flag with an empty text. Most likely a script's variable was never
// set, and its author does not expect the flag's default.
func emptyFlag(flags *pflag.FlagSet) (err error) {
	flags.Visit(func(f *pflag.Flag) {
		values := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			if values = list.GetSlice(); len(values) == 0 && f.Value.Type() == "stringSlice" { // which reads "" as no values
				values = []string{""}
			}
		}
		for _, v := range values {
			if strings.TrimSpace(v) == "" && err == nil {
				err = usagef("--%s is empty", f.Name).hint("leave it out, or is a variable of the script empty?")
			}
		}
	})
	return err
}

// flagError says what is wrong with a flag without the parser's own words.
func flagError(cmd *cobra.Command, err error) error {
	text := strings.ToLower(err.Error()[:1]) + err.Error()[1:]
	var wrong *pflag.InvalidValueError
	if errors.As(err, &wrong) {
		takes := map[string]string{
			"int": "a whole number", "duration": "a duration such as 90s or 10m", "bool": "true or false",
		}[wrong.GetFlag().Value.Type()]
		if takes != "" {
			text = fmt.Sprintf("invalid argument: --%s takes %s, not %q", wrong.GetFlag().Name, takes, wrong.GetValue())
		}
	}
	return usagef("%s", text).hint("%s --help", cmd.CommandPath())
}
