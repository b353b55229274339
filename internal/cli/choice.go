package cli

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// choice is the value of a flag that takes one of a few words. Its list of words is the
// only one: the help, the completion and the check are made from it.
type choice struct {
	value *string
	words []string
}

var _ pflag.Value = (*choice)(nil)

func (c *choice) String() string { return *c.value }

// Set accepts any text. checkFlags refuses a wrong one later, so that the message is the
// same as for other wrong values and not one of the flag parser.
func (c *choice) Set(text string) error {
	*c.value = text
	return nil
}

// Type makes the help show the default in quotes and no type.
func (c *choice) Type() string { return "string" }

// check refuses a word that is not in the list.
func (c *choice) check(flag string) error {
	if slices.Contains(c.words, *c.value) {
		return nil
	}
	return usagef("--%s is %s, not %q", flag, orWords(c.words), *c.value)
}

// choose registers a flag that takes one of words. An empty
// standard means that the flag has no default. In usage, %s stands for the words.
func choose(cmd *cobra.Command, value *string, name, standard, usage string, words ...string) {
	*value = standard
	cmd.Flags().Var(&choice{value: value, words: words}, name, strings.Replace(usage, "%s", orWords(words), 1))
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
}

// checkFlags refuses flags that were given with an empty text or with a word that they do
// not take.
func checkFlags(flags *pflag.FlagSet) error {
	err := emptyFlag(flags)
	flags.Visit(func(f *pflag.Flag) {
		if c, ok := f.Value.(*choice); ok && err == nil {
			err = c.check(f.Name)
		}
	})
	return err
}

// orWords joins words for a sentence: "a, b or c".
func orWords(words []string) string {
	last := len(words) - 1
	if last < 1 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:last], ", ") + " or " + words[last]
}
