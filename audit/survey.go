package audit

import (
	"context"
	"slices"

	"tokensweep/audit/ledger"
	"tokensweep/rules"
)

// Survey lists the org and judges every token as a dry run does, and returns what that tells of the policy. It
// remembers nothing. The error is as Report.Err of Run.
func Survey(ctx context.Context, o Options) (*rules.Survey, error) {
	r, err := onlooker(ctx, o, nil)
	if err != nil {
		return nil, err
	}
	if err := r.judgeAll(ctx); err != nil {
		return nil, err
	}
	return r.survey(), nil
}

// onlooker is a run that only looks: it remembers nothing and changes nothing. past is what earlier runs left, nil if
// that is not to matter.
func onlooker(ctx context.Context, o Options, past *ledger.State) (*run, error) {
	o.Ledger, o.Enforce = nil, nil
	r := newRun(o)
	if past != nil {
		r.decider.past = past
	}
	if err := r.checkOrg(); err != nil {
		return nil, err
	}
	var err error
	if r.self, err = whoAmI(ctx, r.o.Org); err != nil {
		return nil, err
	}
	r.readZones(ctx)
	return r, nil
}

// survey is what a complete listing told of the policy.
func (r *run) survey() *rules.Survey {
	c := &rules.Survey{Tokens: r.Tokens, Rules: make(map[*rules.Rule]rules.Reach), Exemptions: r.used,
		Clients: r.Clients}
	for i := range r.Findings {
		f := &r.Findings[i]
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
