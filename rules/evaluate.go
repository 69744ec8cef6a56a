package rules

import (
	"strings"
	"time"

	"tokensweep/okta"
)

// Verdict is what a policy says of one token at one instant. The zero value is a token of which it
// says nothing.
type Verdict struct {
	// Matched are the rules that came out true, in the order of the file. Only these may act.
	Matched []Match
	// Unknown are the rules that could not be judged, in the order of the file. Match.Because names the
	// fields and why.
	Unknown []Match
	// Exemption is the first exemption in force that matches for certain; nil if none does.
	Exemption *Exemption
	// Exemptions are all that match for certain, those that have ended too, in the order of the file.
	Exemptions []*Exemption
	// Undecided are all that could not be judged, those that have ended too, in the order of the file.
	Undecided []*Exemption
	// Doubts are sentences about exemptions in force that could not be judged. A token with doubts must
	// not be acted on. Empty unless a rule came out true or unknown.
	Doubts []string
	// Protections are sentences that say why the token may only be flagged; if there are none, it may
	// be acted on. Empty also where no rule came out true or unknown.
	Protections []string
}

// Match is a rule that came out true or unknown, with the token and the instant that it was judged by. What is to be
// said of it is worked out when somebody asks: most findings of a large org are never read.
type Match struct {
	Rule *Rule
	of   *judged
}

// judged is what a verdict is about.
type judged struct {
	token *okta.Token
	at    time.Time
}

// Because are the sentences that say why the rule came out as it did, safe to print. Of a match that Evaluate has made
// there is at least one.
func (m Match) Because() []string {
	if m.of == nil {
		return nil
	}
	return m.Rule.when.because(nil, m.of.token, m.of.at)
}

// Facts is Rule.Facts of the token.
func (m Match) Facts() string { return m.Rule.Facts(m.of.token) }

// Evaluate judges a token at the instant now. It depends on its arguments only. For a token that
// matches nothing, and whose exemptions can all be judged, it allocates nothing. The verdict keeps the token, which
// must not be changed any more.
func (p *Policy) Evaluate(t *okta.Token, now time.Time) Verdict {
	var v Verdict
	var of *judged
	var found [2][16]Match // room for most tokens, so that what is kept is as long as it must be
	matched, unknown := found[0][:0], found[1][:0]
	for _, rule := range p.Rules {
		result := rule.when.eval(t, now)
		if result == isFalse {
			continue
		}
		if of == nil {
			of = &judged{t, now}
		}
		if result == isTrue {
			matched = append(matched, Match{rule, of})
		} else {
			unknown = append(unknown, Match{rule, of})
		}
	}
	if of != nil {
		v.Matched, v.Unknown = exactly(matched), exactly(unknown)
	}
	p.guards(&v, t, now, of != nil)
	return v
}

// exactly is a copy that is no longer than it must be; nil for none.
func exactly(matches []Match) []Match {
	if len(matches) == 0 {
		return nil
	}
	return append(make([]Match, 0, len(matches)), matches...)
}

// Concerns reports whether a rule matches the token at the instant now, or can't be judged for it: whether Evaluate
// returns Matched or Unknown.
func (p *Policy) Concerns(t *okta.Token, now time.Time) bool {
	for _, rule := range p.Rules {
		if rule.when.eval(t, now) != isFalse {
			return true
		}
	}
	return false
}

// Exempts is what Evaluate says of exemptions, without a sentence: the verdict has Exemption, Exemptions and Undecided,
// and no more.
func (p *Policy) Exempts(t *okta.Token, now time.Time) Verdict {
	var v Verdict
	p.guards(&v, t, now, false)
	return v
}

// EndedByUse reports whether the rule would not match the token, were it used at an instant. What can't be judged
// is no.
func (r *Rule) EndedByUse(t okta.Token, at time.Time) bool {
	if r.when.join == joinLeaf && r.when.leaf.field == nil {
		return false // it asks for nothing
	}
	t.Use(at)
	return r.when.eval(&t, at) == isFalse
}

// Guards judges what speaks against acting on a token, whatever the rules say of it: the verdict has no
// Matched and no Unknown, and all the rest.
func (p *Policy) Guards(t *okta.Token, now time.Time) Verdict {
	var v Verdict
	p.guards(&v, t, now, true)
	return v
}

// guards judges exemptions and protections. Sentences are made only for a token that is of concern.
func (p *Policy) guards(v *Verdict, t *okta.Token, now time.Time, concerned bool) {
	for _, e := range p.Exemptions {
		switch e.match.eval(t, now) {
		case isTrue:
			v.Exemptions = append(v.Exemptions, e)
			if v.Exemption == nil && !e.Ended(now) {
				v.Exemption = e
			}
		case isUnknown:
			v.Undecided = append(v.Undecided, e)
			if concerned && !e.Ended(now) {
				v.Doubts = append(v.Doubts, e.doubt(t, now))
			}
		}
	}
	if concerned {
		v.Protections = p.Protect.protections(t, now)
	}
}

// eval is the value of a condition, by Kleene's rules.
func (n *node) eval(t *okta.Token, now time.Time) truth {
	switch n.join {
	case joinAll:
		least := isTrue
		for i := range n.parts {
			if least = min(least, n.parts[i].eval(t, now)); least == isFalse {
				break
			}
		}
		return least
	case joinAny:
		most := isFalse
		for i := range n.parts {
			if most = max(most, n.parts[i].eval(t, now)); most == isTrue {
				break
			}
		}
		return most
	case joinNot:
		return -n.parts[0].eval(t, now)
	default:
		return n.leaf.judge(t, now)
	}
}

// doubt says why the exemption could not be judged.
func (e *Exemption) doubt(t *okta.Token, now time.Time) string {
	return e.String() + " can't be judged: " + strings.Join(e.match.because(nil, t, now), "; ")
}

// protections says why a token may not be acted on. What can't be judged protects: better a bad token
// that lives a day longer than an agent that is cut off.
func (p *Protect) protections(t *okta.Token, now time.Time) []string {
	var why []string
	client, ok := t.ClientName.Get()
	switch {
	case !ok:
		why = append(why, "clientName is "+t.ClientName.Presence().String()+
			", so the client can't be found in protect.actOnClients")
	case !matchesAny(p.globs, client):
		why = append(why, "client "+quote(client)+" is not in protect.actOnClients")
	}
	made, known := t.Created.Get()
	if doubt := blameTime("created", t.Created, now); doubt != "" || !known {
		return append(why, doubt+", so its age can't be compared with protect.newerThan")
	}
	if age := now.Sub(made); age < p.NewerThan {
		why = append(why, "created "+coarse(age, p.NewerThan)+" ago (protect.newerThan "+p.newerThan+")")
	}
	return why
}
