package audit

import (
	"fmt"
)

// Check is one thing that doctor has looked at, and what it found.
type Check struct {
	// Name says what was looked at, in a word or two.
	Name string
	// Status says how it is.
	Status Status
	// Detail is what was found, Advice what to do about it, "" if there is nothing to do.
	Detail, Advice string
	// Code is the exit code that a run would come to for it; OK unless it is a failure.
	Code ExitCode
}

// Status is what a check comes to.
type Status string

// The statuses.
const (
	// Good is as it should be.
	Good Status = "ok"
	// Warning does not keep a run from its work, and is worth a look.
	Warning Status = "warning"
	// Failure is what a run would fail for, or refuse to act for.
	Failure Status = "failure"
	// Skipped was not looked at; Detail says why.
	Skipped Status = "skipped"
)

// good, warning, failure and skipped make checks; args fill in detail.
func good(name, detail string, args ...any) Check {
	return Check{Name: name, Status: Good, Detail: fmt.Sprintf(detail, args...)}
}

func warning(name, advice, detail string, args ...any) Check {
	return Check{Name: name, Status: Warning, Advice: advice, Detail: fmt.Sprintf(detail, args...)}
}

func failure(name string, code ExitCode, advice, detail string, args ...any) Check {
	return Check{Name: name, Status: Failure, Code: code, Advice: advice, Detail: fmt.Sprintf(detail, args...)}
}

func skipped(name, detail string) Check {
	return Check{Name: name, Status: Skipped, Detail: detail}
}

// failsIf is a failure if the run that is meant would fail for it, and else a warning.
func failsIf(yes bool, name string, code ExitCode, advice, detail string, args ...any) Check {
	if yes {
		return failure(name, code, advice, detail, args...)
	}
	return warning(name, advice, detail, args...)
}

// ended is the failure of a check by an error that would end a run.
func ended(name string, err error) Check {
	end := EndingOf(err, WhileReading)
	return failure(name, end.Code, end.Advice, "%v", err)
}

// Worst is the exit code of the check that needs a person soonest, OK if none fails.
func Worst(checks []Check) ExitCode {
	worst := OK
	for _, c := range checks {
		worst = Sooner(worst, c.Code)
	}
	return worst
}
