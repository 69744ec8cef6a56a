package audit

import (
	"context"
	"errors"
	"slices"

	"tokensweep/audit/ledger"
	"tokensweep/okta"
)

// ExitCode is the program's exit code, which says how a run went. 1 and 2 are left to Go and the shell.
type ExitCode int

// The exit codes.
const (
	// OK is a complete pass, with findings or without.
	OK ExitCode = 0
	// Findings is a complete pass with a finding at or above the severity that was to fail.
	Findings ExitCode = 10
	// ActionFailed is at least one action that failed, or whose outcome is unknown, or an acting that ended in doubt.
	ActionFailed ExitCode = 20
	// StopAbove is more due at once than stopAbove allows: nothing was done.
	StopAbove ExitCode = 21
	// Incomplete is an org that could not be reached, or a listing that is not provably complete.
	// Nothing was done.
	Incomplete ExitCode = 22
	// NoLedger is a ledger that is missing, damaged, read-only or full: nothing more was done.
	NoLedger ExitCode = 23
	// Locked is another run that uses the same state.
	Locked ExitCode = 24
	// NoAccess is a credential that was refused, or that lacks a permission.
	NoAccess ExitCode = 25
	// Halted is the emergency brake, a difference of the clocks, or a signal while there was more to do.
	Halted ExitCode = 26
	// Undelivered is a pass whose work is done and whose report could not be written.
	Undelivered ExitCode = 27
	// Usage is wrong usage or a wrong environment.
	Usage ExitCode = 64
	// BadPolicy is a policy that is not valid.
	BadPolicy ExitCode = 65
)

// Success says that a pass was complete and that nothing went wrong in it, whatever it found.
func (c ExitCode) Success() bool { return c == OK || c == Findings }

// soonest orders the codes by how soon they need a person; the first that applies is a run's.
var soonest = []ExitCode{Usage, BadPolicy, Locked, NoLedger, NoAccess, ActionFailed, Incomplete, Halted, StopAbove,
	Undelivered, Findings, OK}

// Sooner is the one of two codes that needs a person sooner.
func Sooner(a, b ExitCode) ExitCode {
	if slices.Index(soonest, b) < slices.Index(soonest, a) {
		return b
	}
	return a
}

// fail notes that something went wrong. The exit code becomes the one that needs a person soonest, and its error the
// report's; one without an error leaves that to what went wrong besides.
func (r *Report) fail(code ExitCode, err error) {
	sooner := Sooner(r.Code, code) == code && (code != r.Code || r.Err == nil)
	if sooner {
		r.Code = code
	}
	switch {
	case err == nil:
	case r.Err == nil:
		r.Err = err
	case sooner:
		r.Notes = append(r.Notes, r.Err.Error())
		r.Err = err
	default:
		r.Notes = append(r.Notes, err.Error())
	}
}

// CodeOf is the exit code for what went wrong while an org was read or changed, or the ledger written.
func CodeOf(err error) ExitCode {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, ledger.ErrBadHead), errors.Is(err, ledger.ErrOtherOrg), errors.Is(err, ErrWrongOrg),
		errors.Is(err, ErrRefused), errors.Is(err, okta.ErrBadID):
		return Usage
	case errors.Is(err, ledger.ErrLocked):
		return Locked
	case errors.Is(err, errClocks), errors.Is(err, ledger.ErrClock):
		return Halted
	case ledger.IsError(err):
		return NoLedger
	case errors.Is(err, okta.ErrUnauthorized), errors.Is(err, okta.ErrForbidden):
		return NoAccess
	case errors.Is(err, errHalted), errors.Is(err, ErrInterrupted), errors.Is(err, context.Canceled):
		return Halted
	}
	return Incomplete
}

// undelivered is the exit code for a report that could not be delivered. Delivering writes to the ledger too.
func undelivered(err error) ExitCode {
	if CodeOf(err) == NoLedger {
		return NoLedger
	}
	return Undelivered
}
