package okta

import (
	"fmt"
	"slices"
	"strings"
)

// The scopes that this package can make use of
// (https://developer.okta.com/docs/api/oauth2/). ScopeManage includes ScopeRead.
const (
	ScopeRead   = "okta.apiTokens.read"
	ScopeManage = "okta.apiTokens.manage"
	ScopeUsers  = "okta.users.read"
	ScopeRoles  = "okta.roles.read"
	ScopeZones  = "okta.networkZones.read"
)

// Scopes are what a service app asks for when it logs in.
type Scopes struct {
	// Needed are the scopes without which logging in fails with a *ScopeError, Optional those whose refusal
	// leaves out what needs them.
	Needed, Optional []string
	// Instead, if not empty, is what is asked for instead of both. Logging in still fails if it does not bring
	// what is needed.
	Instead []string
}

// asking is how scopes are asked for. The zero value asks for all of them by their names.
type asking struct {
	neededOnly bool // without the optional ones
	manage     bool // ScopeManage in place of ScopeRead, which it includes: it may be all that is granted
}

// asked are the scopes to ask for.
func (s Scopes) asked(how asking) []string {
	if len(s.Instead) > 0 {
		return s.Instead
	}
	list := slices.Clone(s.Needed)
	if i := slices.Index(list, ScopeRead); i >= 0 && how.manage {
		list[i] = ScopeManage
	}
	if how.neededOnly {
		return list
	}
	return append(list, s.Optional...)
}

// next is how to ask if what was asked for is refused; false if there is no other way.
func (s Scopes) next(how asking) (asking, bool) {
	switch {
	case len(s.Instead) > 0 || len(s.Needed) == 0:
		return how, false
	case !how.neededOnly && len(s.Optional) > 0:
		return asking{neededOnly: true, manage: how.manage}, true
	case !how.manage && slices.Contains(s.Needed, ScopeRead):
		return asking{manage: true}, true
	}
	return how, false
}

// covers reports whether granted scopes include one: by name, or as the right to manage does the right to read.
func covers(granted []string, scope string) bool {
	return slices.Contains(granted, scope) ||
		(strings.HasSuffix(scope, ".read") && slices.Contains(granted, strings.TrimSuffix(scope, "read")+"manage"))
}

// missing are those of scopes that are not granted.
func missing(scopes, granted []string) (list []string) {
	for _, s := range scopes {
		if !covers(granted, s) {
			list = append(list, s)
		}
	}
	return list
}

// ScopeError is a service app that was not granted what is needed. It is an ErrForbidden.
type ScopeError struct {
	// ClientID is the service app.
	ClientID string
	// Missing are the needed scopes that it lacks, Granted those that it was granted.
	Missing, Granted []string
	// Unasked says that they were not even asked for: Scopes.Instead doesn't have them.
	Unasked bool
	// Err is what Okta answered; nil if it granted other scopes.
	Err error
}

// Error names the scopes and where to grant them.
func (e *ScopeError) Error() string {
	scopes := "the scope " + e.Missing[0]
	if len(e.Missing) > 1 {
		scopes = "the scopes " + strings.Join(e.Missing, " and ")
	}
	why := "was not granted " + scopes
	if e.Unasked {
		why = "needs " + scopes + ", which the list of scopes to ask for does not have: add what is missing, and"
	} else {
		why += ":"
	}
	text := fmt.Sprintf("the service app %s %s grant it in the admin console, Applications › Applications › the app "+
		"› Okta API Scopes", Printable(e.ClientID), why)
	if e.Err != nil {
		text += fmt.Sprintf(" (%v)", e.Err)
	}
	return text
}

// Is reports whether target is ErrForbidden.
func (e *ScopeError) Is(target error) bool { return target == ErrForbidden }

// Unwrap returns Okta's answer.
func (e *ScopeError) Unwrap() error { return e.Err }
