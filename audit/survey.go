package audit

import (
	"context"
	"slices"

	"tokensweep/rules"
)

// Survey lists the org, judges every token as a dry run does, and returns what that says about the policy. It remembers
// nothing. The error is as Report.Err of Run.
func Survey(ctx context.Context, o Options) (*rules.Survey, error) {
	s, err := onlooker(ctx, o, nil)
	if err != nil {
		return nil, err
	}
	l := &listing{session: s, asOf: o.AsOf, progress: o.Progress}
	if err := l.judgeAll(ctx, nil); err != nil {
		return nil, err
	}
	return l.survey(), nil
}

// survey is what a complete listing says about the policy.
func (l *listing) survey() *rules.Survey {
	c := &rules.Survey{Tokens: l.list.Tokens, Rules: make(map[*rules.Rule]rules.Reach), Exemptions: l.used,
		Clients: l.clients}
	for i := range l.findings {
		f := &l.findings[i]
		for j, m := range slices.Concat(f.Matched, f.Unknown) {
			reach := c.Rules[m.Rule]
			switch {
			case f.Outcome == Exempt:
				reach.Exempt++
			case f.Outcome == Unknown || j >= len(f.Matched): // the rule could not be judged
				reach.Unknown++
			default:
				reach.Matched++
			}
			c.Rules[m.Rule] = reach
		}
	}
	return c
}
