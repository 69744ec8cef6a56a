package cli

import (
	"errors"
	"fmt"

	"tokensweep/audit"
)

// failure is an error with the exit code that it means, and what to do about it.
type failure struct {
	code audit.ExitCode
	err  error
	hint string
	// reported says that the error is part of the report that was written to the same reader.
	reported bool
}

// Error says what went wrong.
func (f *failure) Error() string { return f.err.Error() }

// Unwrap returns the cause.
func (f *failure) Unwrap() error { return f.err }

// ended makes the failure of an error that came up while something was under way. audit says what it means.
func ended(err error, while audit.While) *failure {
	end := audit.EndingOf(err, while)
	return &failure{code: end.Code, err: err, hint: end.Advice}
}

// usage makes the failure of wrong usage or a wrong environment.
func usage(format string, args ...any) error { return usageHint("", format, args...) }

// usageHint is usage with what to do about it.
func usageHint(hint, format string, args ...any) error {
	return &failure{code: audit.Usage, err: fmt.Errorf(format, args...), hint: hint}
}

// undelivered makes the failure of a result that could not be written.
func undelivered(err error) error {
	return ended(fmt.Errorf("writing the result: %w", err), audit.WhileDelivering)
}

// failureOf is an error as a failure. One that isn't comes from cobra, and is wrong usage.
func failureOf(err error) *failure {
	f := &failure{code: audit.Usage, err: err}
	_ = errors.As(err, &f)
	return f
}

// sooner is the one of two failures that needs a person sooner; what the other said is kept.
func sooner(one, two error) error {
	var a, b *failure
	switch {
	case !errors.As(one, &a):
		return two
	case !errors.As(two, &b):
		return one
	case audit.Sooner(a.code, b.code) != a.code:
		a, b = b, a
	}
	err := errors.Join(a.unreported(), b.unreported())
	if err == nil {
		return &failure{code: a.code, err: a.err, hint: a.hint, reported: true}
	}
	return &failure{code: a.code, err: err, hint: a.hint}
}

// unreported is what was not said yet.
func (f *failure) unreported() error {
	if f.reported {
		return nil
	}
	return f.err
}
