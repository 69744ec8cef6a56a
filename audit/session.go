package audit

import (
	"context"
	"time"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// session is a look at an org by a policy: whose credential it takes, how tokens are judged, what else the org is
// asked, and what time it is. A run has one, and so has every command that judges tokens of an org.
type session struct {
	org     *okta.Reader
	policy  *rules.Policy
	decider decider
	lookup  *lookup
	self    *caller // nil until the org was asked
	which   *identity
	clock   func() time.Time
}

// newSession makes a session. past is what the ledger tells, nil where nothing is remembered; clock is our clock, nil
// for time.Now.
func newSession(org *okta.Reader, policy *rules.Policy, past *ledger.State, clock func() time.Time) *session {
	if past == nil {
		past = &ledger.State{}
	}
	if clock == nil {
		clock = time.Now
	}
	l := newLookup(org, policy)
	return &session{
		org: org, policy: policy, lookup: l, which: &identity{org: org}, clock: clock,
		decider: decider{policy: policy, past: past, zones: l.zones},
	}
}

// onlooker is a session of a command that remembers nothing and changes nothing, and that has asked whose credential it
// takes. past is what earlier runs left, nil if that is not to matter.
func onlooker(ctx context.Context, o Options, past *ledger.State) (*session, error) {
	s := newSession(o.Org, o.Policy, past, o.Now)
	if err := s.checkOrg(ctx, ledger.Store{}); err != nil {
		return nil, err
	}
	if err := s.identify(ctx); err != nil {
		return nil, err
	}
	s.lookup.readZones(ctx, s.decider.past.Quarantined)
	return s, nil
}

// checkOrg refuses to look at an org that the policy or the ledger in store is not of.
func (s *session) checkOrg(ctx context.Context, store ledger.Store) error {
	return rightOrg(ctx, s.which, s.policy, store, pastOf(s.decider.past))
}

// identify asks the org whose credential this is.
func (s *session) identify(ctx context.Context) (err error) {
	s.self, err = whoAmI(ctx, s.org)
	return err
}

// judgeNow judges a token that was just read.
func (s *session) judgeNow(t *okta.Token, st standing) (f Finding, ok bool) {
	f, _, ok = s.decider.decide(t, st, s.self.maybeOwn(t), s.instantNow(t))
	return f, ok
}

// instantNow is the instant at which a token is judged that was just read.
func (s *session) instantNow(t *okta.Token) time.Time {
	clock := s.orgNow()
	return instantFor(t, clock, clock)
}

// instantFor is the instant at which a token is judged: that of the whole run, or for a token that was
// used or changed while the list was being read, the moment when that happened. Without this, all busy
// tokens of a large org would have a last use in the future. clock is the org's when it sent the token.
func instantFor(t *okta.Token, at, clock time.Time) time.Time {
	for _, o := range []okta.Opt[time.Time]{t.Created, t.LastUpdated, t.LastUsed()} {
		if moved, ok := o.Get(); ok && moved.After(at) && !moved.After(clock.Add(time.Minute)) {
			at = moved
		}
	}
	return at
}

// now is our clock, in UTC.
func (s *session) now() time.Time { return s.clock().UTC() }

// orgNow is what the org's clock shows; ours if the org never told.
func (s *session) orgNow() time.Time {
	if offset, ok := s.org.ClockOffset(); ok {
		return time.Now().Add(offset).UTC()
	}
	return s.now()
}

// orNow is a time of the org's clock, or of ours if the org didn't send its own.
func (s *session) orNow(t time.Time) time.Time {
	if t.IsZero() {
		return s.now()
	}
	return t
}

// clockInDoubt says that our clock may be wrong: the org's disagrees with it, or the org was not seen yet. Of one that
// answers and never tells the time only ours is left.
func (s *session) clockInDoubt() bool {
	told, err := compareClocks(s.org, s.now())
	return err != nil || !told && s.self == nil
}
