package audit

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
	"tokensweep/rules"
)

// Ending is how an error ends a command.
type Ending struct {
	// Code is the exit code.
	Code ExitCode
	// Advice says what a person can do; "" if there is nothing to add to the error.
	Advice string
}

// While is what was under way when an error came up. What is done by then, and so what to advise, depends on it.
type While int

const (
	// WhileReading is while an org is listed or read, and while a run acts.
	WhileReading While = iota
	// WhileOpening is while a state directory is opened, or what it tells is read.
	WhileOpening
	// WhileChanging is while a person changes something by hand, or looks into the ledger.
	WhileChanging
	// WhileDelivering is while a result is written or posted.
	WhileDelivering
)

// EndingOf is how err ends a command. It is the one place where an error gets its exit code and its advice. No error is
// OK; one that nobody knows of is Incomplete.
func EndingOf(err error, while While) Ending {
	if err == nil {
		return Ending{}
	}
	end := lookUp(err, while)
	if known := (*HandError)(nil); errors.As(err, &known) {
		end.Code = known.Code
	}
	return end
}

// CodeOf is the exit code for what went wrong while an org was read or changed, or the ledger written.
func CodeOf(err error) ExitCode { return EndingOf(err, WhileReading).Code }

func lookUp(err error, while While) Ending {
	for i := range endings {
		if e := &endings[i]; e.is(err) && (e.only == nil || *e.only == while) {
			return e.ending(while)
		}
	}
	return unreachable.ending(while)
}

// ending is a kind of error, and how it ends a command.
type ending struct {
	is   func(error) bool
	code ExitCode
	// only, if not nil, is when the row holds: at other times the error is of another kind.
	only *While
	// reading and opening are the advice while that is done, refused while something is changed by hand. A result that
	// was not delivered has no advice but that of its channel.
	reading, opening, refused string
}

func (e *ending) ending(while While) Ending {
	switch while {
	case WhileOpening:
		return Ending{e.code, e.opening}
	case WhileChanging:
		return Ending{e.code, e.refused}
	case WhileDelivering:
		if e.code != NoLedger { // delivering writes to the ledger too
			return Ending{Code: Undelivered}
		}
		return Ending{Code: NoLedger}
	}
	return Ending{e.code, e.reading}
}

// The advice that several rows share.
const (
	nothingDone = "nothing was done"
	ownState    = "nothing was changed; give the run a state directory of its own that it can write"
	keepState   = "nothing more was changed. Make room or repair the disk, and keep the same state directory: " +
		"it holds the notices, the budget and what is not settled"
)

// endings are the kinds of errors; the first that an error is of counts. What is wrong with a command and with the
// ledger goes before what the org says.
var endings = []ending{
	{is: isA[rules.Mistakes], code: BadPolicy},
	{is: is(ErrRefused), code: Usage, reading: nothingDone, refused: "nothing was changed"},
	{is: is(ErrWrongOrg), code: Usage, reading: nothingDone},
	{is: is(ledger.ErrOtherOrg), code: Usage, reading: nothingDone, opening: ownState},
	{is: is(ledger.ErrBadHead), code: Usage},
	{is: is(okta.ErrBadID), code: Usage, reading: nothingDone},
	{is: is(okta.ErrNotFound), only: during(WhileChanging), code: Usage},
	{
		is:      is(ledger.ErrLocked),
		code:    Locked,
		reading: "nothing more was changed: another run writes to the same state. Let only one at a time use it",
		opening: "wait until the other run has ended; if there is none, another machine or container holds " +
			"the directory",
	},
	{is: is(errClocks, ledger.ErrClock), code: Halted, opening: ownState},
	{is: isA[*unsettledError], code: ActionFailed, opening: ownState},
	{is: is(errHalted), code: Halted, reading: "interrupted: nothing was changed"},
	{
		is: is(ledger.ErrRefused), code: NoLedger, opening: ownState,
		reading: "nothing more was changed. A plan that is too long to record does too much at once: " +
			"write limits into the policy, or narrower rules",
	},
	{
		is: is(ledger.ErrLost), code: NoLedger, reading: keepState,
		opening: "nothing was changed; without its records notices, budgets and open changes are forgotten",
	},
	{
		is: is(ledger.ErrDamaged), code: NoLedger, reading: keepState,
		opening: "nothing was changed; tokensweep ledger verify names the first bad record. " +
			"Keep the directory as evidence and restore a copy",
	},
	{is: ledger.IsError, code: NoLedger, reading: keepState, opening: ownState},
	{
		is: loginRefused, code: NoAccess,
		reading: "check OKTA_CLIENT_CLIENTID, OKTA_CLIENT_PRIVATEKEY and OKTA_CLIENT_PRIVATEKEYID: " +
			"the app must be active, and have the public key under that id",
	},
	{
		is: scopeUnasked, code: NoAccess,
		reading: "add it to OKTA_CLIENT_SCOPES, or unset that: without it a run asks for what it needs",
	},
	{
		is: isA[*okta.ScopeError], code: NoAccess,
		reading: "nothing was changed; without a scope that is needed no run begins",
	},
	{
		is: accessTokenRefused, code: NoAccess,
		reading: "okta does not accept what it let the service app log in for: tokensweep doctor says how far it comes",
	},
	{
		is: is(okta.ErrUnauthorized), code: NoAccess,
		reading: "check the token in OKTA_CLIENT_TOKEN or OKTA_CLIENT_TOKEN_FILE: " +
			"it may be wrong, revoked or unused for 30 days, or its owner deactivated",
	},
	{
		is: othersForbidden, code: NoAccess,
		reading: "the administrator who owns the API token, or the service app by its scopes and roles, " +
			"lacks the permission for that",
	},
	{
		is: changeForbidden, code: NoAccess,
		reading: "changing API tokens takes the role of a super administrator, or one that may manage API tokens, " +
			"and for a service app the scope okta.apiTokens.manage",
	},
	{
		is: is(okta.ErrForbidden), code: NoAccess,
		reading: "listing API tokens takes the role of a super administrator, or one that may manage API tokens: " +
			"as the owner of the API token, or given to the service app",
	},
	{
		is: is(ErrDeadline), code: Halted,
		reading: "nothing was changed. What it waited for is in the log (--log-level info); --deadline gives it longer",
	},
	{is: is(ErrInterrupted, context.Canceled), code: Halted, reading: "interrupted: nothing was changed"},
	{
		is: oktaFailed, code: Incomplete,
		reading: "okta itself failed, and nothing was changed: try again later. If it stays, give Okta's support the " +
			"id of the request",
	},
	{
		is:   is(okta.ErrIncomplete),
		code: Incomplete,
		reading: "nothing was changed; if it happens again, this says whether it is the network, the org or the " +
			"program: --log-level debug",
	},
}

// unreachable is how all other errors end a command.
var unreachable = ending{
	code:    Incomplete,
	reading: "check OKTA_CLIENT_ORGURL and the way there; HTTPS_PROXY and NO_PROXY are honoured",
	opening: ownState,
}

func during(w While) *While { return &w }

// is reports whether an error is one of some.
func is(targets ...error) func(error) bool {
	return func(err error) bool {
		for _, target := range targets {
			if errors.Is(err, target) {
				return true
			}
		}
		return false
	}
}

// isA reports whether an error is, or wraps, an E.
func isA[E error](err error) bool {
	var e E
	return errors.As(err, &e)
}

func loginRefused(err error) bool {
	var login *okta.LoginError
	return errors.As(err, &login) && login.Refused
}

func scopeUnasked(err error) bool {
	var scopes *okta.ScopeError
	return errors.As(err, &scopes) && scopes.Unasked
}

// accessTokenRefused reports whether the org refuses an access token: the code is OAuth's, which has underscores,
// and not Okta's.
func accessTokenRefused(err error) bool {
	var answer *okta.Error
	return errors.Is(err, okta.ErrUnauthorized) && errors.As(err, &answer) && strings.ContainsRune(answer.Code, '_')
}

// oktaFailed reports whether Okta itself says that something went wrong on its side: neither the address nor the way
// there is to blame.
func oktaFailed(err error) bool {
	var answer *okta.Error
	return errors.As(err, &answer) && answer.Status >= 500 && answer.Code != ""
}

// othersForbidden reports whether something else than API tokens may not be read.
func othersForbidden(err error) bool {
	var answer *okta.Error
	return errors.Is(err, okta.ErrForbidden) && errors.As(err, &answer) &&
		!strings.HasPrefix(answer.Path, "/api/v1/api-tokens")
}

// changeForbidden reports whether API tokens may be read and not changed.
func changeForbidden(err error) bool {
	var answer *okta.Error
	return errors.Is(err, okta.ErrForbidden) && errors.As(err, &answer) && answer.Method != http.MethodGet
}
