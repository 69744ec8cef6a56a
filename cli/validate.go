package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"tokensweep/okta"
	"tokensweep/rules"
)

func (a *app) validateCommand() *cobra.Command {
	var file string
	var schema bool
	cmd := &cobra.Command{
		Use:   "validate",
		Short: "check a policy file",
		Long: `validate checks a policy file and names every mistake in it, each with its line and
column and with what to write instead. It needs no org. With a mistake it exits 65.`,
		Example: `  tokensweep validate --policy policy.yaml
  tokensweep validate --schema > policy.schema.json   # for editors: see policy.example.yaml`,
		Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if schema {
				return a.print(string(rules.Schema()))
			}
			p, err := loadPolicy(file)
			if err != nil {
				return err
			}
			return a.print(fmt.Sprintf("%s is a valid policy: %d rules, %d exemptions, mode %s\n%s\n", okta.Printable(p.File), len(p.Rules), len(p.Exemptions), p.Mode, p.Digest))
		},
	}
	cmd.Flags().StringVar(&file, "policy", a.policyFile(), "policy `file`")
	cmd.Flags().BoolVar(&schema, "schema", false, "print the JSON Schema of policies and do nothing else")
	return cmd
}
