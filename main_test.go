package main

import (
	"go/ast"
	"go/doc"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// layers are the packages, lowest first: each may import those before it and no other of ours.
var layers = []string{"okta", "rules", "audit", "notify", "cli", ""}

// withinNotify are the packages of notify, each with those of them that it may import: a channel knows the outbox and
// what renders, and no other channel; what renders knows no channel.
var withinNotify = map[string][]string{
	"notify":            {},
	"notify/metrics":    {},
	"notify/notifytest": {},
	"notify/outbox":     {},
	"notify/slack":      {"notify", "notify/outbox"},
	"notify/slacktest":  {},
	"notify/webhook":    {"notify", "notify/outbox"},
}

func layerOf(pkg string) int {
	dir, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimPrefix(pkg, "tokensweep"), "/"), "/")
	return slices.Index(layers, dir)
}

// sources are the Go files that make the program.
func sources(t *testing.T) (files []string) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(".", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && path != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			files = append(files, path)
		}
		return nil
	}))
	return files
}

func TestImportsPointOneWay(t *testing.T) {
	for _, file := range sources(t) {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		require.NoError(t, err)
		dir := filepath.ToSlash(filepath.Dir(file))
		own := layerOf("tokensweep/" + strings.TrimPrefix(dir, "."))
		require.GreaterOrEqual(t, own, 0, "%s is in no layer", file)
		if strings.HasPrefix(dir, "notify") {
			require.Contains(t, withinNotify, dir)
		}
		for _, spec := range parsed.Imports {
			path := strings.Trim(spec.Path.Value, `"`)
			require.NotEqual(t, "testing", path, "%s is part of the program", file)
			if path != "tokensweep" && !strings.HasPrefix(path, "tokensweep/") {
				continue
			}
			require.LessOrEqual(t, layerOf(path), own, "%s imports %s", file, path)
			if may, inside := withinNotify[dir]; inside && strings.HasPrefix(path, "tokensweep/notify") {
				require.Contains(t, may, strings.TrimPrefix(path, "tokensweep/"), "%s imports it", file)
			}
			require.NotEqual(t, "okta/oktatest", dir,
				"the fake org must not share the client's mistakes: %s imports %s", file, path)
		}
	}
}

func TestDirectDependenciesAreThoseAgreedUpon(t *testing.T) {
	mod, err := os.ReadFile("go.mod")
	require.NoError(t, err)
	var direct []string
	for line := range strings.Lines(string(mod)) {
		if m := regexp.MustCompile(`^(?:require )?\s*([a-z0-9.]+/\S+) v\S+$`).FindStringSubmatch(
			strings.TrimRight(line, "\n")); m != nil {
			direct = append(direct, m[1])
		}
	}
	slices.Sort(direct)
	require.Equal(t, []string{
		"github.com/go-jose/go-jose/v4",
		"github.com/go-json-experiment/json", // the standard library has it from Go 1.27 on
		"github.com/jedib0t/go-pretty/v6",
		"github.com/prometheus/client_golang",
		"github.com/prometheus/common",
		"github.com/robfig/cron/v3",
		"github.com/rogpeppe/go-internal",
		"github.com/santhosh-tekuri/jsonschema/v6", // for tests alone
		"github.com/slack-go/slack",
		"github.com/spf13/cobra",
		"github.com/spf13/pflag",
		"github.com/stretchr/testify",
		"golang.org/x/term",
		"gopkg.in/yaml.v3",
		"pgregory.net/rapid",
	}, direct)
}

func TestEveryExportedIdentifierIsDocumented(t *testing.T) {
	byDir := make(map[string][]*ast.File)
	fset := token.NewFileSet()
	for _, file := range sources(t) {
		parsed, err := parser.ParseFile(fset, file, nil, parser.ParseComments)
		require.NoError(t, err)
		byDir[filepath.Dir(file)] = append(byDir[filepath.Dir(file)], parsed)
	}
	for dir, files := range byDir {
		p, err := doc.NewFromFiles(fset, files, dir)
		require.NoError(t, err)
		require.NotEmpty(t, p.Doc, "package %s", dir)
		need := func(name, text string) {
			require.NotEmpty(t, text, "%s.%s", dir, name)
		}
		values := func(vs []*doc.Value) {
			for _, v := range vs {
				for _, spec := range v.Decl.Specs {
					if s := spec.(*ast.ValueSpec); s.Doc == nil && s.Comment == nil {
						need(s.Names[0].Name, v.Doc)
					}
				}
			}
		}
		values(slices.Concat(p.Consts, p.Vars))
		for _, f := range p.Funcs {
			need(f.Name, f.Doc)
		}
		for _, typ := range p.Types {
			need(typ.Name, typ.Doc)
			values(slices.Concat(typ.Consts, typ.Vars))
			for _, f := range slices.Concat(typ.Funcs, typ.Methods) {
				need(typ.Name+"."+f.Name, f.Doc)
			}
		}
	}
}

// The map in CONTRIBUTING has every package.
func TestTheMapHasEveryPackage(t *testing.T) {
	text, err := os.ReadFile("CONTRIBUTING.md")
	require.NoError(t, err)
	for _, file := range sources(t) {
		if dir := filepath.ToSlash(filepath.Dir(file)); dir != "." {
			require.Contains(t, string(text), "`"+dir+"/`", "%s is in no package of the map", file)
		}
	}
}
