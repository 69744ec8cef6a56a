package audit_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify/outbox"
	"tokensweep/notify/slack"
	"tokensweep/okta"
	"tokensweep/rules"
)

const (
	whileReading    = audit.WhileReading
	whileOpening    = audit.WhileOpening
	whileChanging   = audit.WhileChanging
	whileDelivering = audit.WhileDelivering
)

// endings are how every error that a package of ours names ends a command: the name of the error, what was under way,
// and what comes of it. An advice of "" is none; else it is a part of the advice.
var endings = []struct {
	name   string
	err    error
	while  audit.While
	code   audit.ExitCode
	advice string
}{
	{"okta.ErrBadID", okta.ErrBadID, whileReading, audit.Usage, "nothing was done"},
	{"okta.ErrUnauthorized", okta.ErrUnauthorized, whileReading, audit.NoAccess, "check the token in OKTA_"},
	{"okta.ErrUnauthorized", okta.ErrUnauthorized, whileChanging, audit.NoAccess, ""},
	{"okta.ErrForbidden", okta.ErrForbidden, whileReading, audit.NoAccess, "listing API tokens takes the role"},
	{"okta.ErrNotFound", okta.ErrNotFound, whileReading, audit.Incomplete, "check OKTA_CLIENT_ORGURL"},
	{"okta.ErrNotFound", okta.ErrNotFound, whileChanging, audit.Usage, ""},
	{"okta.ErrIncomplete", okta.ErrIncomplete, whileReading, audit.Incomplete, "--log-level debug"},
	{"okta.IncompleteError", &okta.IncompleteError{Err: okta.ErrNotFound},
		whileReading, audit.Incomplete, "--log-level debug"},
	{"okta.IncompleteError", &okta.IncompleteError{Err: okta.ErrForbidden},
		whileReading, audit.NoAccess, "listing API tokens"},
	{"okta.Error", &okta.Error{Status: 500}, whileReading, audit.Incomplete, "HTTPS_PROXY and NO_PROXY"},
	{"okta.Error", &okta.Error{Status: 500}, whileChanging, audit.Incomplete, ""},
	{"okta.Error", &okta.Error{Status: 500, Code: "E0000009"}, whileReading, audit.Incomplete, "okta itself failed"},
	{"okta.Error", &okta.IncompleteError{Err: &okta.Error{Status: 503, Code: "E0000010"}}, whileReading,
		audit.Incomplete, "okta itself failed"},
	{"okta.Error", refused401("invalid_token"), whileReading, audit.NoAccess, "how far it comes"},
	{"okta.Error", refused401("E0000011"), whileReading, audit.NoAccess, "unused for 30 days"},
	{"okta.Error", refused403("GET", "/api/v1/users/x"), whileReading, audit.NoAccess, "lacks the permission for that"},
	{"okta.Error", refused403("DELETE", "/api/v1/api-tokens/x"), whileReading, audit.NoAccess, "changing API tokens"},
	{"okta.Error", refused403("GET", "/api/v1/api-tokens"), whileReading, audit.NoAccess, "listing API tokens takes"},
	{"okta.LoginError", &okta.LoginError{Refused: true, Err: okta.ErrIncomplete},
		whileReading, audit.NoAccess, "the app must be active"},
	{"okta.LoginError", &okta.LoginError{Err: errors.New("no route")}, whileReading, audit.Incomplete, "the way there"},
	{"okta.ScopeError", &okta.ScopeError{Missing: []string{"x"}}, whileReading, audit.NoAccess, "no run begins"},
	{"okta.ScopeError", &okta.ScopeError{Missing: []string{"x"}, Unasked: true},
		whileReading, audit.NoAccess, "add it to OKTA_CLIENT_SCOPES"},

	{"rules.Mistakes", rules.Mistakes{{}}, whileReading, audit.BadPolicy, ""},

	{"ledger.ErrBadHead", ledger.ErrBadHead, whileChanging, audit.Usage, ""},
	{"ledger.ErrOtherOrg", ledger.ErrOtherOrg, whileReading, audit.Usage, "nothing was done"},
	{"ledger.ErrLocked", ledger.ErrLocked, whileReading, audit.Locked, "another run writes to the same state"},
	{"ledger.ErrLocked", ledger.ErrLocked, whileOpening, audit.Locked, "wait until the other run has ended"},
	{"ledger.ErrClock", both(ledger.ErrClock, ledger.ErrRefused), whileReading, audit.Halted, ""},
	{"ledger.ErrRefused", ledger.ErrRefused, whileReading, audit.NoLedger, "too long to record"},
	{"ledger.ErrLost", both(ledger.ErrUnusable, ledger.ErrLost), whileOpening, audit.NoLedger, "without its records"},
	{"ledger.ErrLost", both(ledger.ErrUnusable, ledger.ErrLost), whileReading, audit.NoLedger, "Make room"},
	{"ledger.ErrDamaged", ledger.ErrDamaged, whileOpening, audit.NoLedger, "ledger verify"},
	{"ledger.DamageError", &ledger.DamageError{}, whileOpening, audit.NoLedger, "ledger verify"},
	{"ledger.DamageError", &ledger.DamageError{}, whileChanging, audit.NoLedger, ""},
	{"ledger.TornError", &ledger.TornError{}, whileOpening, audit.NoLedger, "a state directory of its own"},
	{"ledger.ErrUnusable", ledger.ErrUnusable, whileReading, audit.NoLedger, "Make room"},
	{"ledger.ErrUnusable", ledger.ErrUnusable, whileOpening, audit.NoLedger, "a state directory of its own"},
	{"ledger.ErrUnusable", ledger.ErrUnusable, whileDelivering, audit.NoLedger, ""},
	{"ledger.ErrPoisoned", ledger.ErrPoisoned, whileReading, audit.NoLedger, "Make room"},
	{"ledger.ErrPoisoned", both(ledger.ErrPoisoned, ledger.ErrLocked),
		whileReading, audit.Locked, "Let only one at a time use it"},
	// Copies that the ledger does without: a run goes on, and says so.
	{"ledger.ErrNoInventory", ledger.ErrNoInventory, whileReading, audit.Incomplete, ""},
	{"ledger.ErrNoParcel", ledger.ErrNoParcel, whileDelivering, audit.Undelivered, ""},

	{"audit.ErrRefused", audit.ErrRefused, whileReading, audit.Usage, "nothing was done"},
	{"audit.ErrRefused", audit.ErrRefused, whileChanging, audit.Usage, "nothing was changed"},
	{"audit.ErrWrongOrg", audit.ErrWrongOrg, whileReading, audit.Usage, "nothing was done"},
	{"audit.ErrWrongOrg", audit.ErrWrongOrg, whileChanging, audit.Usage, ""},
	{"audit.ErrInterrupted", audit.ErrInterrupted, whileReading, audit.Halted, "interrupted: nothing was changed"},
	{"audit.ErrDeadline", both(audit.ErrInterrupted, audit.ErrDeadline),
		whileReading, audit.Halted, "--deadline gives it longer"},
	{"audit.HandError", &audit.HandError{Code: audit.ActionFailed, Err: okta.ErrForbidden},
		whileChanging, audit.ActionFailed, ""},
	{"audit.HandError", &audit.HandError{Code: audit.Usage, Err: audit.ErrRefused},
		whileChanging, audit.Usage, "nothing was changed"},
	{"errHalted", audit.ErrHalted, whileReading, audit.Halted, "interrupted: nothing was changed"},
	// A brake that can't be read counts as pulled.
	{"errHalted", both(audit.ErrHalted, ledger.ErrUnusable), whileReading, audit.Halted, "interrupted"},
	{"unsettledError", audit.Unsettled, whileReading, audit.ActionFailed, ""},
	{"unsettledError", audit.Unsettled, whileChanging, audit.ActionFailed, ""},
	{"errClocks", audit.ErrClocks, whileReading, audit.Halted, ""},
	{"context.Canceled", context.Canceled, whileReading, audit.Halted, "interrupted: nothing was changed"},

	{"slack.Error", &slack.Error{Advice: "invite the app"}, whileDelivering, audit.Undelivered, ""},
	{"outbox.ErrElsewhere", outbox.ErrElsewhere, whileDelivering, audit.Undelivered, ""},
	{"outbox.ErrNoTime", outbox.ErrNoTime, whileDelivering, audit.Undelivered, ""},
	{"outbox.Later", &outbox.Later{Err: errors.New("busy")}, whileDelivering, audit.Undelivered, ""},
	{"errors.New", errors.New("new"), whileReading, audit.Incomplete, "check OKTA_CLIENT_ORGURL"},
	{"nil", nil, whileOpening, audit.OK, ""},
}

// both is an error of two kinds.
func both(one, two error) error { return fmt.Errorf("doing something: %w: %w", one, two) }

// refusal is an answer of Okta's that is a sentinel.
type refusal struct {
	Answer *okta.Error
	is     error
}

func refused401(code string) error {
	return refusal{&okta.Error{Code: code}, okta.ErrUnauthorized}
}

func refused403(method, path string) error {
	return refusal{&okta.Error{Method: method, Path: path}, okta.ErrForbidden}
}

// Unwrap returns the answer.
func (r refusal) Unwrap() []error { return []error{r.Answer, r.is} }

// Error is the answer's.
func (r refusal) Error() string { return r.Answer.Error() }

func TestHowEveryErrorEndsACommand(t *testing.T) {
	for _, row := range endings {
		err := row.err
		for range 2 {
			end := audit.EndingOf(err, row.while)
			require.Equal(t, row.code, end.Code, "%s while %d", row.name, row.while)
			if row.advice == "" && row.name != "ledger.ErrNoInventory" {
				require.Empty(t, end.Advice, "%s while %d", row.name, row.while)
			}
			require.Contains(t, end.Advice, row.advice, "%s while %d", row.name, row.while)
			if err != nil {
				err = fmt.Errorf("wrapped: %w", err)
			}
		}
	}
}

// An error that a package of ours exports is in the table, so that whoever adds one says how it ends a command.
func TestEveryExportedErrorIsInTheTable(t *testing.T) {
	known := make(map[string]bool)
	for _, row := range endings {
		known[row.name] = true
	}
	found := 0
	for _, dir := range []string{"../okta", "../rules", ".", "ledger", "../notify"} {
		require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			skip := dir == "." || d.Name() == "testdata" || strings.HasSuffix(d.Name(), "test")
			switch {
			case err != nil:
				return err
			case d.IsDir() && path != dir && skip:
				return fs.SkipDir
			case d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go"):
				return nil
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			for _, name := range exportedErrors(file) {
				found++
				require.True(
					t,
					known[file.Name.Name+"."+name],
					"%s.%s is not in the table of this test",
					file.Name.Name,
					name,
				)
			}
			return nil
		}))
	}
	require.Greater(t, found, 20)
}

// exportedErrors are the sentinels and the types of errors that a file exports.
func exportedErrors(file *ast.File) (names []string) {
	for _, decl := range file.Decls {
		switch d := decl.(type) {
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if v, ok := spec.(*ast.ValueSpec); ok && d.Tok == token.VAR &&
					strings.HasPrefix(v.Names[0].Name, "Err") {
					names = append(names, v.Names[0].Name)
				}
			}
		case *ast.FuncDecl:
			if d.Name.Name != "Error" || d.Recv == nil {
				continue
			}
			receiver := d.Recv.List[0].Type
			if star, ok := receiver.(*ast.StarExpr); ok {
				receiver = star.X
			}
			if id, ok := receiver.(*ast.Ident); ok && id.IsExported() {
				names = append(names, id.Name)
			}
		}
	}
	return names
}
