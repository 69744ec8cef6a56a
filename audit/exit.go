package audit

import "slices"

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

// Exit is an exit code and what it says.
type Exit struct {
	// Code is the exit code.
	Code ExitCode
	// Meaning says in Markdown when a command ends with it.
	Meaning string
	// Advice is for people who learn from a message of a run that was not completed, and not from the command itself.
	// Where it is "", that of Incomplete holds.
	Advice string
}

// Exits are all exit codes. Of several that apply to a run it is the first in this order: the one that needs a person
// soonest. docs/environment.md is made from it.
var Exits = []Exit{
	{
		Locked, "another run uses the same state, or has taken it from this one: nothing more was done",
		"Another run uses the same state. Wait for its end, and let only one run at a time.",
	},
	{Usage, "wrong usage or environment", correctIt},
	{BadPolicy, "the policy is invalid: every mistake is named with its line and column", correctIt},
	{
		NoLedger,
		"the ledger is missing, damaged, read-only or full, or on FUSE without `--state-alone`: nothing more was done",
		"Look at the state directory: it must be there, writable, and not full; a damaged ledger needs a person.",
	},
	{
		NoAccess, "Okta itself refused the credential, or it lacks a permission",
		"Check the API token of this tool: whether it is still valid and has the permissions that tokensweep needs.",
	},
	{
		ActionFailed,
		"at least one action failed, or its outcome is unknown, or a doubt (such as a lost answer) ended " +
			"the acting early",
		"",
	},
	{
		Incomplete,
		"Okta could not be reached, or something else answered in its place, or the listing is not provably " +
			"complete, or was not within `--deadline`: nothing was judged",
		"Run it again. If it stays like this, see whether the org can be reached and what the run's own output says. " +
			"Until then nobody is watching the tokens.",
	},
	{
		Halted,
		"halted, interrupted by a signal, by `--deadline` once the list was whole, or for a change by hand, or " +
			"the org's clock and ours disagree: nothing more was done, and what is left stays due",
		"See who or what ended the program: a person, a deadline, a machine that goes away. The next run begins " +
			"anew; until then nobody is watching the tokens.",
	},
	{StopAbove, "more was due at once than `stopAbove` allows: nothing was done", ""},
	{
		Undelivered, "the report, or the metrics, could not be delivered: before an enforcing run acts, nothing was " +
			"done", "",
	},
	{Findings, "complete, and a finding at or above `--fail-on`; of `test`: a case fails", ""},
	{OK, "the pass is complete, with findings or without", ""},
}

const correctIt = "Correct the command, the environment or the policy as said above, then run again."

// rank is the place of a code in Exits.
func (c ExitCode) rank() int {
	return slices.IndexFunc(Exits, func(e Exit) bool { return e.Code == c })
}

// Advice is that of Exits.
func (c ExitCode) Advice() string {
	for _, code := range []ExitCode{c, Incomplete} {
		if i := code.rank(); i >= 0 && Exits[i].Advice != "" {
			return Exits[i].Advice
		}
	}
	return ""
}

// Success says that a pass was complete and that nothing went wrong in it, whatever it found.
func (c ExitCode) Success() bool { return c == OK || c == Findings }

// Sooner is the one of two codes that needs a person sooner.
func Sooner(a, b ExitCode) ExitCode {
	if b.rank() < a.rank() {
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

// undelivered is the exit code for a report that could not be delivered.
func undelivered(err error) ExitCode { return EndingOf(err, WhileDelivering).Code }
