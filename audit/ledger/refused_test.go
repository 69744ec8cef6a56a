package ledger_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"tokensweep/audit/ledger"
	"tokensweep/audit/ledger/ledgertest"
)

// Whoever gets an error must be able to tell that it is the ledger's, whatever it is about.
func TestARecordThatTheLedgerDoesNotTakeIsAnErrorOfTheLedger(t *testing.T) {
	for _, r := range []ledger.Record{
		{Kind: "no such kind"},
		{Kind: ledger.Begun},
		{Kind: ledger.Intent},
		{Kind: ledger.Outcome, Ref: 7},
		{Kind: ledger.Posted},
		{Kind: ledger.Begun, Org: "https://other.okta.com"},
		{Kind: ledger.Begun, Org: org, Name: otherOrgID},
		{Kind: ledger.Planned, Mode: ledger.ModeDryRun, Plan: strings.Repeat("x", 32<<20)},
	} {
		disk := new(ledgertest.Disk)
		l, err := ledger.Store{}.OpenOn(disk, clock())
		require.NoError(t, err)
		append1(t, l, ledger.Record{Kind: ledger.Begun, Org: org, Name: orgID})
		before := len(disk.Bytes())
		_, err = l.Append(r)
		require.ErrorIs(t, err, ledger.ErrRefused, "%s", r.Kind)
		require.True(t, ledger.IsError(err))
		require.Len(t, disk.Bytes(), before, "nothing was written")
		append1(t, l, ledger.Record{Kind: ledger.Seen, Token: "00T1", Rule: "idle"})
		require.NoError(t, l.Close())
	}
	require.False(t, ledger.IsError(errors.New("of somebody else")))
	require.False(t, ledger.IsError(nil))
}

// What any damage makes of a ledger is told by an error of the ledger too.
func TestEveryErrorOfReadingIsAnErrorOfTheLedger(t *testing.T) {
	whole := diskWith(t, small...).Bytes()
	seen := 0
	rapid.Check(t, func(t *rapid.T) {
		content := append([]byte(nil), whole...)
		at := rapid.IntRange(0, len(content)-1).Draw(t, "at")
		if rapid.Bool().Draw(t, "cut") {
			content = content[:at]
		} else {
			content[at] = rapid.Byte().Draw(t, "byte")
		}
		if _, _, err := read(content); err != nil {
			seen++
			require.True(t, ledger.IsError(err), "%v", err)
		}
	})
	require.Positive(t, seen, "else this shows nothing")
}

// The package's sentinels are all of the kind that IsError knows, but for those of copies that a ledger does without: a
// new one can't be forgotten.
func TestEverySentinelIsAnErrorOfTheLedger(t *testing.T) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	n := 0
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.VAR {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				for i, name := range v.Names {
					if !strings.HasPrefix(name.Name, "Err") || name.Name == "ErrNoInventory" ||
						name.Name == "ErrNoParcel" {
						continue
					}
					n++
					call, made := v.Values[i].(*ast.CallExpr)
					require.True(t, made, name.Name)
					by, named := call.Fun.(*ast.Ident)
					require.True(t, named && by.Name == "sentinel",
						"%s in %s must be made by sentinel, so that IsError knows it", name.Name, file)
				}
			}
		}
	}
	require.GreaterOrEqual(t, n, 8)
}
