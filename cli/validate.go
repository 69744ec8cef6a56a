package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/okta"
	"tokensweep/rules"
)

// validateFlags say how closely a policy is looked at.
type validateFlags struct {
	policy                     string
	strict, org, schema, print bool
}

func (a *app) validateCommand() *cobra.Command {
	f := &validateFlags{}
	cmd := &cobra.Command{
		Use:   "validate [FILE]",
		Short: "check a policy file: every mistake, every rule that can't work",
		Long: `validate checks a policy file and names every mistake in it, each with its line
and column and with what to write instead. With a mistake it exits 65.

In a policy without mistakes it then warns of what can't work or is dangerous:
rules that can never match, steps that never come or come without a gentler one
before, exemptions that have ended or hide a whole rule, * and ? where a text is
compared as it stands, and values that Okta is not known to have. --strict makes
these mistakes.

It needs no org. With --org it lists the org that the environment names,
changes nothing there, and says how many tokens each rule matches, can't judge,
or leaves to an exemption; then it also warns of exemptions that match no
token, and of limits above the inventory.`,
		Example: `  tokensweep validate policy.yaml
  tokensweep validate --strict --org
  tokensweep validate --print
  tokensweep validate --schema > policy.schema.json  # for editors`,
		Args: orPolicy(noArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.schema {
				return a.print(string(rules.Schema()))
			}
			return a.validate(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	a.addPolicy(flags, &f.policy, "policy `file`")
	flags.BoolVar(&f.strict, "strict", false, "make warnings mistakes")
	flags.BoolVar(&f.org, "org", false, "also judge the tokens of the org that the environment names")
	flags.BoolVar(&f.print, "print", false,
		"print the policy as it is understood, with every default, and its next five runs, and do nothing else")
	flags.BoolVar(&f.schema, "schema", false, "print the JSON Schema of policies and do nothing else")
	return cmd
}

func (a *app) validate(ctx context.Context, f *validateFlags) error {
	p, err := loadPolicy(f.policy)
	if err != nil {
		return err
	}
	if f.print {
		return a.print(string(p.YAML()) + p.NextRuns(time.Now()))
	}
	var survey *rules.Survey
	zone := "" // what is wrong with it
	if f.org {
		if survey, zone, err = a.survey(ctx, p); err != nil {
			return err
		}
	}
	doubts := p.Lint(time.Now(), survey)
	if survey != nil {
		if err := notify.SurveyText(a.stdout, p, survey); err != nil {
			return undelivered(err)
		}
	}
	if f.strict && len(doubts) > 0 {
		return ended(doubts, audit.WhileReading)
	}
	if zone != "" {
		if f.strict {
			return &failure{code: audit.BadPolicy, err: errors.New(zone)}
		}
		a.note("warning: " + zone)
	}
	if err := a.warn(doubts); err != nil {
		return err
	}
	return a.print(fmt.Sprintf("%s is a valid policy: rules %d, exemptions %d, mode %s\n%s\n", clean(p.File),
		len(p.Rules), len(p.Exemptions), p.Mode, p.Digest))
}

// warn tells of what is allowed and can't be meant.
func (a *app) warn(doubts rules.Mistakes) error {
	for _, d := range doubts {
		d.Message = "warning: " + d.Message
		if a.logsJSON() {
			_ = a.say(slog.LevelWarn, d.String())
		} else if _, err := fmt.Fprintln(a.stderr, d); err != nil {
			return undelivered(err)
		}
	}
	return nil
}

// survey judges the tokens of the org that the environment names.
func (a *app) survey(ctx context.Context, p *rules.Policy) (survey *rules.Survey, zone string, err error) {
	progress := a.newProgress()
	scopes := audit.Scopes(p, false)
	if p.QuarantineZone != "" {
		scopes.Optional = append(scopes.Optional, okta.ScopeZones)
	}
	client, err := a.env.client(okta.Options{Trace: progress.trace, UserAgent: userAgent()}, scopes)
	if err != nil {
		return nil, "", err
	}
	survey, err = audit.Survey(ctx, audit.Options{Org: client.Reader, Policy: p, Progress: progress.listed})
	progress.end()
	if err != nil {
		return nil, "", ended(err, audit.WhileReading)
	}
	return survey, audit.ZoneDoubt(ctx, client.Reader, p), nil
}
