package audit

import (
	"errors"

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
	// Incomplete is an org that could not be reached, or a listing that is not provably complete.
	// Nothing was done.
	Incomplete ExitCode = 22
	// NoAccess is a credential that was refused, or that lacks a permission.
	NoAccess ExitCode = 25
	// Undelivered is a pass whose work is done and whose report could not be written.
	Undelivered ExitCode = 27
	// Usage is wrong usage or a wrong environment.
	Usage ExitCode = 64
	// BadPolicy is a policy that is not valid.
	BadPolicy ExitCode = 65
)

// CodeOf is the exit code for what went wrong while an org was read.
func CodeOf(err error) ExitCode {
	switch {
	case err == nil:
		return OK
	case errors.Is(err, ErrWrongOrg), errors.Is(err, okta.ErrBadID):
		return Usage
	case errors.Is(err, okta.ErrUnauthorized), errors.Is(err, okta.ErrForbidden):
		return NoAccess
	}
	return Incomplete
}
