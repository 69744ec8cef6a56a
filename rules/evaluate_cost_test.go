package rules

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/okta"
)

func TestATokenThatMatchesNothingCostsNoMemory(t *testing.T) {
	p := manyRules(t)
	token := whole()
	require.Equal(t, Verdict{}, p.Evaluate(token, noon))
	require.Zero(t, testing.AllocsPerRun(100, func() { p.Evaluate(token, noon) }))
}

// manyRules is a policy of 50 rules and 5 exemptions that match nothing of whole.
func manyRules(t testing.TB) *Policy {
	var b strings.Builder
	b.WriteString("version: 1\nexemptions:\n")
	for i := range 5 {
		fmt.Fprintf(&b, "  - {match: {name: {like: \"dr-%d*\"}}, reason: drill, owner: me, until: 2027-01-31}\n", i)
	}
	b.WriteString("rules:\n")
	whens := []string{
		"{lastUsed: {olderThan: 21d}}",
		"{clientName: {notIn: [Okta API, Terraform Provider]}}",
		"{all: [network.connection: {is: ZONE}, created: {olderThan: 7d}, not: {name: {like: \"ci *\"}}]}",
		"{neverUsed: true, created: {olderThan: 7d}}",
		"{any: [name: {matches: \"^breakglass-\"}, network.include: {contains: nzo9}, expiresAt: {within: 7d}]}",
	}
	for i := range 50 {
		fmt.Fprintf(&b, "  - {id: rule-%d, when: %s, then: flag}\n", i, whens[i%len(whens)])
	}
	p, err := Parse("policy.yaml", []byte(b.String()))
	require.NoError(t, err)
	return p
}

func TestNoConditionCostsMemory(t *testing.T) {
	files, err := filepath.Glob("testdata/good-*.yaml")
	require.NoError(t, err)
	used := make(map[*operator]bool)
	for _, file := range append(files, "../policy.example.yaml") {
		p, err := Load(file)
		require.NoError(t, err)
		for _, rule := range p.Rules {
			goal{&rule.when, true}.leaves(func(c claim) { used[c.op] = true })
			for _, token := range []*okta.Token{whole(), {ID: "00T"}} {
				require.Zero(t, testing.AllocsPerRun(10, func() { rule.when.eval(token, noon) }), "%s, rule %s", file,
					rule.ID)
			}
		}
	}
	require.Len(t, used, len(operators), "every operator is among them")
}

// One pass over 100,000 tokens with 50 rules: go test ./rules -run '^$' -bench Evaluate -cpu 1. In the second pass
// every hundredth token matches a rule, and gets its sentences.
func BenchmarkEvaluate(b *testing.B) {
	p, tokens := manyRules(b), make([]okta.Token, 100_000)
	for i := range tokens {
		tokens[i] = *whole()
		tokens[i].ID, tokens[i].Name = fmt.Sprintf("00T%017d", i), okta.Some(fmt.Sprintf("ci deploy %d", i))
	}
	pass := func(b *testing.B, matches int) {
		b.ReportAllocs()
		n, began := 0, cpu()
		for b.Loop() {
			n = 0
			for i := range tokens {
				if v := p.Evaluate(&tokens[i], noon); len(v.Matched) > 0 {
					n++
				}
			}
		}
		b.ReportMetric((cpu()-began).Seconds()/float64(b.N), "cpu-s/op") // what others do on the machine doesn't count
		require.Equal(b, matches, n)
	}
	b.Run("no token matches", func(b *testing.B) { pass(b, 0) })
	for i := 0; i < len(tokens); i += 100 {
		tokens[i].ClientName = okta.Some("Zap & Sync")
	}
	b.Run("one in a hundred matches", func(b *testing.B) { pass(b, 1000) })
}

// cpu is the processor time that this process has used.
func cpu() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used) // fails only for another argument
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
