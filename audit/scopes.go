package audit

import (
	"tokensweep/okta"
	"tokensweep/rules"
)

// Scopes are the scopes that a service app asks for to make a run: what the run needs and no more, so that Okta itself
// refuses a change by a dry run. Owners are in every report; a run does without them where they can't be read.
func Scopes(p *rules.Policy, enforce bool) okta.Scopes {
	s := okta.Scopes{Needed: []string{okta.ScopeRead}, Optional: []string{okta.ScopeUsers, okta.ScopeRoles}}
	if enforce {
		s.Needed = []string{okta.ScopeManage}
		if p.Reads(rules.Zones) {
			s.Needed = append(s.Needed, okta.ScopeZones)
		}
	}
	return s
}

// HandScopes are the scopes that a service app asks for to make a change by hand. shown says that the token is shown to
// a person first, with its owner.
func HandScopes(p *rules.Policy, quarantine, shown bool) okta.Scopes {
	s := okta.Scopes{Needed: []string{okta.ScopeManage}}
	if quarantine && p.Reads(rules.Zones) {
		s.Needed = append(s.Needed, okta.ScopeZones)
	}
	switch {
	case p.Reads(rules.Owners):
		s.Optional = []string{okta.ScopeUsers, okta.ScopeRoles}
	case shown:
		s.Optional = []string{okta.ScopeUsers}
	}
	return s
}

// DoctorScopes are the scopes that a service app asks for when doctor examines it: those of a run, but all except
// reading are optional, so that doctor can examine the rest without them. p may be nil.
func DoctorScopes(p *rules.Policy, enforce bool) okta.Scopes {
	s := okta.Scopes{Needed: []string{okta.ScopeRead}, Optional: []string{okta.ScopeUsers, okta.ScopeRoles}}
	if enforce {
		s.Optional = append(s.Optional, okta.ScopeManage)
	}
	if p != nil && p.Reads(rules.Zones) {
		s.Optional = append(s.Optional, okta.ScopeZones)
	}
	return s
}

// without says what is left out if an optional scope is not granted.
var without = map[string]string{
	okta.ScopeUsers: "owners are not looked up, and what rules ask about them is unknown",
	okta.ScopeRoles: "the roles of owners are not looked up, and what rules ask about them is unknown",
}

// noteScopes reports what missing scopes leave out, and which granted scope is not needed.
func (r *run) noteScopes() {
	for _, scope := range r.self.login.Refused {
		r.note("the service app lacks the scope %s: %s (Applications › Applications › the app › Okta API Scopes)",
			scope, without[scope])
	}
	if r.actor == nil && r.self.login.Has(okta.ScopeManage) {
		r.note("this dry run holds the scope %s, which it does not need: %s will do", okta.ScopeManage, okta.ScopeRead)
	}
}
