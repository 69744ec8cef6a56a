package cli

import (
	"errors"
	"path/filepath"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/rules"
)

func (a *app) testCommand() *cobra.Command {
	var policy string
	var strict bool
	var out *outputFlags[[]audit.TestReport]
	cmd := &cobra.Command{
		Use:   "test FILE…",
		Short: "check a policy against examples of tokens",
		Long: `test reads files of policy tests: examples of tokens, and what is to come of
each. A run's own code decides them, at the time that the file gives; no org is
asked. A case that fails is explained as by tokensweep explain, and then the
command exits 10. A file with a mistake, or without cases, exits 65, and
nothing is tried. Values of tokens that Okta is not known to have, such as a
status in small letters, are warned of; --strict makes these mistakes.

The policy is the one that a file names, relative to itself; --policy tries
another one.`,
		Example: `  tokensweep test policy.tests.yaml
  tokensweep test --policy candidate.yaml --output junit *.tests.yaml`,
		Args: func(_ *cobra.Command, files []string) error {
			if len(files) == 0 {
				return usage("name the files of policy tests, such as policy.tests.yaml")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if !cmd.Flags().Changed("policy") {
				policy = ""
			}
			return a.test(args, policy, strict, out)
		},
	}
	a.addPolicy(cmd.Flags(), &policy, "policy `file`, instead of the one that the tests name")
	cmd.Flags().BoolVar(&strict, "strict", false, "make warnings of the tests mistakes")
	out = addOutputFlags(cmd, notify.TestForms)
	return cmd
}

// test tries the files. policy, if not "", is used instead of the policies that they name.
func (a *app) test(files []string, policy string, strict bool, flags *outputFlags[[]audit.TestReport]) error {
	out, err := flags.open(a)
	if err != nil {
		return err
	}
	defer out.discard()
	var reports []audit.TestReport
	var mistakes, doubts rules.Mistakes
	failed := 0
	for _, file := range files {
		report, unlikely, err := a.testFile(file, policy)
		doubts = append(doubts, unlikely...)
		var wrong rules.Mistakes
		switch {
		case errors.As(err, &wrong):
			mistakes = append(mistakes, wrong...)
		case err != nil:
			return err
		}
		reports, failed = append(reports, report), failed+report.Failed()
	}
	if strict {
		mistakes = append(mistakes, doubts...)
	} else if err := a.warn(doubts); err != nil {
		return err
	}
	if len(mistakes) > 0 {
		return ended(mistakes, audit.WhileReading)
	}
	if err := out.write(reports); err != nil {
		return err
	}
	if failed > 0 {
		return &failure{code: audit.Findings}
	}
	return nil
}

// testFile tries one file of tests, and says what is unlikely in it.
func (a *app) testFile(file, policy string) (audit.TestReport, rules.Mistakes, error) {
	tests, err := rules.LoadTests(file)
	switch {
	case errors.As(err, &rules.Mistakes{}):
		if _, isPolicy := rules.Load(file); isPolicy == nil {
			err = rules.Mistakes{{File: file, Line: 1, Column: 1, Message: "this is a policy, and test takes files " +
				"of policy tests: tokensweep validate checks a policy"}}
		}
		return audit.TestReport{}, nil, err
	case err != nil:
		return audit.TestReport{}, nil, usage("%w", err)
	}
	switch {
	case policy != "":
	case tests.Policy == "":
		policy = a.policyFile()
	case filepath.IsAbs(tests.Policy):
		policy = tests.Policy
	default:
		policy = filepath.Join(filepath.Dir(file), tests.Policy)
	}
	a.files.reads("the policy of "+file, policy)
	p, err := loadPolicy(policy)
	if err != nil {
		return audit.TestReport{}, nil, err
	}
	if wrong := tests.Check(p); len(wrong) > 0 {
		return audit.TestReport{}, nil, wrong
	}
	return audit.RunTests(p, tests), tests.Doubts, nil
}
