// Package audit runs the job: it lists an org's tokens, judges each by the policy at one instant, and
// reports what it found and what would come of it.
//
// Run is a dry run. It is given an okta.Reader, which has no method that changes anything.
package audit

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"tokensweep/okta"
	"tokensweep/rules"
)

// ErrWrongOrg is a policy that is pinned to another org than the one that the environment names.
var ErrWrongOrg = errors.New("the policy is for another org")

// Options says what a run needs. Org and Policy are required.
type Options struct {
	Org    *okta.Reader
	Policy *rules.Policy
	// AsOf is the instant at which tokens are judged; zero means the org's own clock.
	AsOf time.Time
	// FailOn is the severity from which on a finding makes the exit code Findings; zero means none does.
	FailOn rules.Severity
	// Progress, if not nil, is told from time to time how many pages and tokens were read.
	Progress func(pages, tokens int)
}

// ownUseWindow is how close to the org's clock the last use of a token must be to make it a candidate
// for the one that this run uses: listing is itself a use, and Okta notes uses about once a minute.
const ownUseWindow = 2 * time.Minute

// maxClockDifference is the difference between the org's clock and ours that is worth a note.
const maxClockDifference = 5 * time.Minute

// Run makes one pass over the org and changes nothing. The report is never nil; if the listing was not
// complete it judges nothing, and Report.Err says why.
func Run(ctx context.Context, o Options) *Report {
	r := &Report{
		Mode: rules.DryRun, Started: time.Now().UTC(),
		OrgURL: o.Org.OrgURL(), PolicyFile: o.Policy.File, PolicyDigest: o.Policy.Digest,
	}
	r.ID = runID(r.Started)
	if r.Err = judgeAll(ctx, o, r); r.Err != nil {
		r.Findings, r.Code = nil, CodeOf(r.Err)
	} else {
		r.Complete = true
		sortFindings(r.Findings)
		r.Digest, r.Code = digest(r), r.verdictCode(o.FailOn)
	}
	r.Finished = time.Now().UTC()
	return r
}

func runID(started time.Time) string {
	var b [3]byte
	_, _ = rand.Read(b[:]) // never fails
	return started.Format("20060102T150405Z") + "-" + hex.EncodeToString(b[:])
}

// verdictCode is the exit code of a complete pass. A finding that is exempt fails nothing.
func (r *Report) verdictCode(failOn rules.Severity) ExitCode {
	for _, f := range r.Findings {
		if failOn > 0 && f.Severity >= failOn && f.Outcome != Exempt {
			return Findings
		}
	}
	return OK
}

// judgeAll lists the org and judges each token as it comes. Only tokens that a rule concerns are kept.
func judgeAll(ctx context.Context, o Options, r *Report) error {
	if o.Policy.Org != "" && o.Policy.Org != r.OrgURL {
		return fmt.Errorf("%w: %s is pinned to %s, and OKTA_CLIENT_ORGURL is %s", ErrWrongOrg, r.PolicyFile, o.Policy.Org, r.OrgURL)
	}
	self, err := whoAmI(ctx, o.Org)
	if err != nil {
		return err
	}
	listing := o.Org.List(ctx, okta.ListOptions{})
	used := make(map[*rules.Exemption]int)
	r.AsOf = o.AsOf
	for t, err := range listing.All() {
		r.Tokens, r.Pages, r.Duplicates = listing.Tokens, listing.Pages, listing.Duplicates
		if err != nil {
			return err
		}
		if r.AsOf.IsZero() {
			r.AsOf = orOurs(listing.Date)
		}
		if o.Progress != nil {
			o.Progress(listing.Pages, listing.Tokens)
		}
		clock := orOurs(listing.Clock)
		at := r.AsOf
		if o.AsOf.IsZero() {
			at = instantFor(&t, at, clock)
		}
		v := o.Policy.Evaluate(&t, at)
		for _, e := range v.Exemptions {
			used[e]++
		}
		if f, ok := decide(t, v, self.candidate(&t, clock), at); ok {
			r.Findings = append(r.Findings, f)
		}
	}
	r.Tokens, r.Pages, r.Duplicates = listing.Tokens, listing.Pages, listing.Duplicates
	if r.AsOf.IsZero() {
		r.AsOf = orOurs(listing.Date)
	}
	r.note(o, self, used)
	return nil
}

// orOurs is a time of the org's clock, or of ours if the org didn't send its own.
func orOurs(t time.Time) time.Time {
	if t.IsZero() {
		return time.Now().UTC()
	}
	return t
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

// caller is what is known of whoever runs this.
type caller struct {
	userID  string // "" if it could not be read
	unknown error  // why
	found   int    // candidates so far
}

// whoAmI asks whose credential this is. That Okta doesn't say is no error in a dry run; that it refuses
// the credential is.
func whoAmI(ctx context.Context, org *okta.Reader) (*caller, error) {
	me, err := org.Me(ctx)
	switch {
	case err == nil && me.ID == "":
		return &caller{unknown: errors.New("/api/v1/users/me names no id")}, nil
	case err == nil:
		return &caller{userID: me.ID}, nil
	case errors.Is(err, okta.ErrNotFound), errors.Is(err, okta.ErrForbidden):
		return &caller{unknown: err}, nil
	}
	return nil, err
}

// candidate says why t may be the token that this run uses, or "" if it can't be. Okta has no endpoint
// that tells; the owner and the time of use narrow it down, and all that remain are spared. clock is the
// org's when it sent t.
func (c *caller) candidate(t *okta.Token, clock time.Time) string {
	owner, _ := t.UserID.Get()
	used, ok := t.LastUsed().Get()
	if c.userID == "" || owner != c.userID || !ok || clock.Sub(used).Abs() > ownUseWindow {
		return ""
	}
	c.found++
	return "it may be the token that this run uses: same owner, used within two minutes"
}

// note adds what a reader should know about the run as a whole.
func (r *Report) note(o Options, self *caller, used map[*rules.Exemption]int) {
	add := func(format string, args ...any) { r.Notes = append(r.Notes, fmt.Sprintf(format, args...)) }
	switch {
	case self.unknown != nil:
		add("the token that this run uses can't be recognised on the list: %v", self.unknown)
	case self.found == 0:
		add("the token that this run uses is not on the list: the credential may see only a part of the org's tokens")
	}
	if offset, ok := o.Org.ClockOffset(); ok && offset.Abs() > maxClockDifference {
		add("the org's clock and ours differ by %v: set the clock of this machine", offset.Abs().Round(time.Second))
	}
	if r.Duplicates > 0 {
		add("tokens that came twice with the same content and were counted once, since the list moved while it was read: %d", r.Duplicates)
	}
	for _, e := range o.Policy.Exemptions {
		switch {
		case e.Ended(r.AsOf):
			add("%s has ended: tokens that match it and are exempt no more: %d", e, used[e])
		case used[e] == 0:
			add("%s matches no token", e)
		}
	}
}
