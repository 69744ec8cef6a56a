package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tokensweep/okta"
)

// policyFlag is the name of the flag that names the policy.
const policyFlag = "policy"

// addPolicy defines --policy and -p.
func (a *app) addPolicy(flags *pflag.FlagSet, file *string, usage string) {
	flags.StringVarP(file, policyFlag, "p", a.policyFile(), usage)
}

// orPolicy are the arguments of a command to which a policy file may be given besides, as --policy would: where an
// argument can be nothing else.
func orPolicy(others cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		rest, policies := []string(nil), []string(nil)
		for _, arg := range args {
			if isPolicy(arg) {
				policies = append(policies, arg)
			} else {
				rest = append(rest, arg)
			}
		}
		flag := cmd.Flag(policyFlag)
		switch {
		case flag.Changed && hasOneDash(flag, flag.Value.String()):
			return oneDash(policyFlag)
		case len(policies) > 1:
			return fmt.Errorf("%q takes one policy file, and here are %d", cmd.CommandPath(), len(policies))
		case len(policies) == 1 && flag.Changed:
			return fmt.Errorf("the policy is named twice, by --%s and by an argument: leave one out", policyFlag)
		}
		if err := others(cmd, rest); err != nil || len(policies) == 0 {
			return err
		}
		return cmd.Flags().Set(policyFlag, policies[0])
	}
}

// isPolicy reports whether an argument can be nothing but a policy file: it ends as one, or there is such a file.
func isPolicy(arg string) bool {
	if okta.CheckTokenID(arg) == nil {
		return false
	}
	switch strings.ToLower(filepath.Ext(arg)) {
	case ".yaml", ".yml":
		return true
	}
	info, err := os.Stat(arg)
	return err == nil && !info.IsDir()
}

// oneToken are the arguments of a command about one token.
func oneToken(cmd *cobra.Command, args []string) error {
	switch len(args) {
	case 1:
		return nil
	case 0:
		return fmt.Errorf("name the token: %s ID, where ID is 00T and 17 letters or digits, as tokensweep tokens list "+
			"shows it", cmd.CommandPath())
	}
	return fmt.Errorf("%q is about one token, and here are %d", cmd.CommandPath(), len(args))
}

// checkID refuses what can't be the id of a token, such as a token's name.
func checkID(id string) error {
	if err := okta.CheckTokenID(id); err != nil {
		return usageHint("tokensweep tokens list shows the ids of all tokens", "%w", err)
	}
	return nil
}

// tokenOf is the token among arguments that may have a policy file besides.
func tokenOf(args []string) string {
	if len(args) > 1 && isPolicy(args[0]) {
		return args[1]
	}
	return args[0]
}

// noArgs refuses arguments. Only a word that could be a command is repeated.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	plain := plainWord.MatchString(args[0])
	switch {
	case !cmd.HasSubCommands() && cmd.Flag("reason") != nil:
		return fmt.Errorf("%q takes no argument: say why with --reason, in quotes", cmd.CommandPath())
	case cmd.Flag(policyFlag) != nil && plain:
		return fmt.Errorf("unknown command %q for %q, and there is no policy file of that name", args[0],
			cmd.CommandPath())
	case cmd.Flag(policyFlag) != nil:
		return fmt.Errorf("%q takes no argument but a policy file, and there is none of that name", cmd.CommandPath())
	case plain:
		return fmt.Errorf("unknown command %q for %q%s", args[0], cmd.CommandPath(), insteadOf(cmd, args[0]))
	case isPolicy(args[0]) && cmd.HasSubCommands():
		return fmt.Errorf("%q takes a command before a file, such as tokensweep run FILE", cmd.CommandPath())
	}
	return fmt.Errorf("%q takes no such argument", cmd.CommandPath())
}

// shells are those for which there is completion.
var shells = []string{"bash", "fish", "powershell", "zsh"}

// strict makes the commands that cobra adds itself refuse what they don't know. They would show their help and exit
// with 0, and a shell would read that as a script.
func strict(root *cobra.Command) {
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	for _, cmd := range root.Commands() {
		switch cmd.Name() {
		case "help":
			cmd.Args = func(_ *cobra.Command, args []string) error {
				about, rest, err := root.Find(args)
				if err != nil {
					return err
				}
				return noArgs(about, rest)
			}
		case "completion":
			cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
			cmd.Args = func(_ *cobra.Command, args []string) error {
				if len(args) > 0 {
					return fmt.Errorf("unknown shell: want one of %s", strings.Join(shells, ", "))
				}
				return nil
			}
			for _, shell := range cmd.Commands() {
				shell.Args = noArgs
			}
		}
	}
}
