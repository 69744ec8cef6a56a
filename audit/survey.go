package audit

import (
	"context"

	"tokensweep/audit/ledger"
	"tokensweep/rules"
)

// Survey lists the org and judges every token as a dry run does, and returns what that tells of the policy. It
// remembers nothing. The error is as Report.Err of Run.
func Survey(ctx context.Context, o Options) (*rules.Census, error) {
	r, err := onlooker(ctx, o, nil)
	if err != nil {
		return nil, err
	}
	if err := r.judgeAll(ctx); err != nil {
		return nil, err
	}
	return r.census(), nil
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

// census is what a complete listing told of the policy.
func (r *run) census() *rules.Census {
	c := &rules.Census{Tokens: r.Tokens, Rules: make(map[*rules.Rule]rules.Tally), Exemptions: r.used,
		Clients: r.Clients}
	for i := range r.Findings {
		f := &r.Findings[i]
		for _, m := range f.Matched {
			c.Rules[m.Rule] = f.tallied(c.Rules[m.Rule], false)
		}
		for _, m := range f.Unknown {
			c.Rules[m.Rule] = f.tallied(c.Rules[m.Rule], true)
		}
	}
	return c
}

// tallied adds a finding to the tally of one of its rules, which could not be judged if it is unknown.
func (f *Finding) tallied(t rules.Tally, unknown bool) rules.Tally {
	switch {
	case f.Outcome == Exempt:
		t.Exempt++
	case f.Outcome == Unknown || unknown:
		t.Unknown++
	default:
		t.Matched++
	}
	return t
}
