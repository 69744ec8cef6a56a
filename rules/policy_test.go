package rules

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"tokensweep/okta"
)

func Example() {
	policy, err := Parse("policy.yaml", []byte(`
version: 1
rules:
  - id: idle
    when:
      lastUsed: {olderThan: 21d}
    then: flag
`))
	if err != nil {
		fmt.Println(err) // each mistake as file:line:column: message
		return
	}
	now := time.Date(2026, 11, 23, 9, 0, 0, 0, time.UTC)
	token := okta.Token{
		ID:         "00Tabcdefg1234567890",
		ClientName: okta.Some("Okta AD Agent"),
		Created:    okta.Some(now.AddDate(-1, 0, 0)),
		ExpiresAt:  okta.Some(now.AddDate(0, 0, 6)), // thirty days after the last use
	}
	verdict := policy.Evaluate(&token, now)
	for _, match := range verdict.Matched {
		fmt.Println(match.Rule.ID, match.Rule.Severity, match.Because())
	}
	fmt.Println(verdict.Protections)
	// Output:
	// idle medium [lastUsed 2026-10-30T09:00:00Z is 24d old (> 21d)]
	// [client "Okta AD Agent" is not in protect.actOnClients]
}

func TestDefaults(t *testing.T) {
	p, err := Load("testdata/good-the-least-that-works.yaml")
	require.NoError(t, err)
	require.Equal(t, DryRun, p.Mode)
	require.Empty(t, p.Org)
	require.Nil(t, p.Schedule)
	require.Nil(t, p.Limits)
	require.Nil(t, p.Notify.Slack)
	require.Empty(t, p.QuarantineZone)
	require.Equal(t, []string{"Okta API"}, p.Protect.ActOnClients)
	require.Equal(t, day, p.Protect.NewerThan)
	require.Equal(t, Medium, p.Rules[0].Severity)

	p, err = Load("testdata/good-slack-with-nothing-but-a-channel.yaml")
	require.NoError(t, err)
	require.Equal(t, &Slack{Channel: "C0SECURITY", On: OnChanges, Heartbeat: 7 * day}, p.Notify.Slack)
}

func TestTheExampleIsReadWhole(t *testing.T) {
	const file = "../policy.example.yaml"
	p, err := Load(file)
	require.NoError(t, err)
	data, err := os.ReadFile(file)
	require.NoError(t, err)
	sum := sha256.Sum256(data)
	require.Equal(t, "sha256:"+hex.EncodeToString(sum[:]), p.Digest)
	require.Equal(t, file, p.File)
	require.Equal(t, "https://acme.okta.com", p.Org)
	require.Equal(t, DryRun, p.Mode)
	require.Equal(t, "0 9 * * 1-4", p.Schedule.Cron)
	require.Equal(t, &Limits{PerRun: 3, PerDay: 5, StopAbove: StopAbove{Count: 10, Percent: 20}}, p.Limits)
	require.Equal(t, "nzo1a2b3c4d5e6f7g8h9", p.QuarantineZone)
	require.Equal(t, &Slack{Channel: "C0SECURITY", On: OnChanges, Heartbeat: 7 * day, Mention: []string{"S0SECOPS1"}},
		p.Notify.Slack)
	require.Len(t, p.Exemptions, 1)
	require.Equal(t, at("2027-02-01T00:00:00Z"), p.Exemptions[0].Until)
	idle := p.Rules[0]
	require.Equal(t, "idle", idle.ID)
	require.Equal(t, "not used for three weeks", idle.Description)
	require.Equal(t, "Move to an OAuth service app, see the wiki.", idle.Advice)
	require.Equal(t, []DelayedStep{{Flag, 0}, {Quarantine, 3 * day}, {Revoke, 7 * day}}, idle.Steps)
}

func keyNames[T any](keys []key[T]) (names []string) {
	for _, k := range keys {
		names = append(names, k.name)
	}
	return names
}

func everyOperator() (names []string) {
	for _, o := range operators {
		names = append(names, o.name)
	}
	return names
}

// The example shows each key of the tables, each field and each operator; and the keys outside of
// rules, which may repeat theirs, once.
func TestTheExampleShowsEveryKey(t *testing.T) {
	data, err := os.ReadFile("../policy.example.yaml")
	require.NoError(t, err)
	var doc yaml.Node
	require.NoError(t, yaml.Unmarshal(data, &doc))
	count := map[string]int{}
	var walk func(n *yaml.Node)
	walk = func(n *yaml.Node) {
		for i, child := range n.Content {
			if n.Kind == yaml.MappingNode && i%2 == 0 {
				count[child.Value]++
			}
			walk(child)
		}
	}
	walk(&doc)
	once := slices.Concat(keyNames(policyKeys), keyNames(scheduleKeys), keyNames(limitKeys), keyNames(stopKeys),
		keyNames(protectKeys), keyNames(quarantineKeys), keyNames(notifyKeys), keyNames(slackKeys),
		keyNames(exemptionKeys))
	for _, name := range once {
		if name == "quarantine" || name == "newerThan" { // a step and an operator have these names too
			continue
		}
		require.Equal(t, 1, count[name], name)
	}
	for _, name := range slices.Concat(once, keyNames(ruleKeys), fieldNames(), everyOperator(), stepNames,
		[]string{"all", "any", "not"}) {
		require.Positive(t, count[name], name)
	}
}

func TestWordsOfSeverityAndStep(t *testing.T) {
	for _, word := range severityNames {
		s, err := ParseSeverity(word)
		require.NoError(t, err)
		require.Equal(t, word, s.String())
	}
	_, err := ParseSeverity("hihg")
	require.EqualError(t, err, `unknown severity "hihg", did you mean "high"?`)
	require.Less(t, Low, Critical)
	require.Equal(t, "none", Severity(0).String())
	require.Equal(t, "none", Step(0).String())
	require.Equal(t, "revoke", Revoke.String())
}

func TestOrgsAreBroughtIntoOneForm(t *testing.T) {
	for file, want := range map[string]string{
		"good-an-org-in-capitals":           "https://acme.okta.com:8443",
		"good-an-org-on-a-loopback-address": "http://127.0.0.1:8080",
	} {
		p, err := Load("testdata/" + file + ".yaml")
		require.NoError(t, err)
		require.Equal(t, want, p.Org)
	}
}

func TestSchedulesRunInTheirTimeZone(t *testing.T) {
	p, err := Load("testdata/good-a-schedule-in-Berlin.yaml")
	require.NoError(t, err)
	require.Equal(t, at("2028-02-29T08:30:00Z"), p.Schedule.Next(noon))
	p, err = Load("testdata/good-a-schedule-by-word.yaml")
	require.NoError(t, err)
	require.Equal(t, at("2026-11-24T00:00:00Z"), p.Schedule.Next(noon))
}

func TestStepsComeInTheirOrder(t *testing.T) {
	p, err := Load("testdata/good-steps-in-any-order.yaml")
	require.NoError(t, err)
	require.Equal(t, []DelayedStep{{Flag, 0}, {Quarantine, 0}, {Revoke, 7 * day}}, p.Rules[0].Steps)
	require.Equal(t, []DelayedStep{{Flag, 0}}, p.Rules[1].Steps)
	require.Equal(t, []DelayedStep{{Flag, 0}, {Revoke, 0}}, p.Rules[2].Steps)
}

func TestExemptionsUntilAnHourEndThen(t *testing.T) {
	p, err := Load("testdata/good-an-exemption-until-an-hour.yaml")
	require.NoError(t, err)
	require.Equal(t, at("2027-01-31T17:00:00Z"), p.Exemptions[0].Until)
}

func TestAFileThatCannotBeReadIsNoMistakeOfThePolicy(t *testing.T) {
	_, err := Load(filepath.Join(t.TempDir(), "policy.yaml"))
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorContains(t, err, "reading the policy: ")
	require.NotErrorAs(t, err, &Mistakes{})
	_, err = Load(t.TempDir())
	require.ErrorContains(t, err, "reading the policy: ")
}

func TestTheLargestFile(t *testing.T) {
	file := filepath.Join(t.TempDir(), "policy.yaml")
	data := []byte("version: 1\nrules: [{id: a, when: {name: x}, then: flag}]\n")
	data = append(data, bytes.Repeat([]byte("#"), maxFile-len(data))...)
	require.NoError(t, os.WriteFile(file, data, 0o600))
	_, err := Load(file)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(file, append(data, '#'), 0o600))
	_, err = Load(file)
	require.EqualError(t, err, file+":1:1: the file is larger than 256 KiB: remove what is not policy")
}

// That it ends is what is shown; how long it takes depends on the machine.
func TestHostileFilesAreRefused(t *testing.T) {
	for name, data := range map[string]string{
		"deep lists":         strings.Repeat("[", maxFile),
		"deep maps":          strings.Repeat("{a: ", maxFile/4),
		"many lines":         strings.Repeat("- a\n", maxFile/4-1) + "]",
		"a quote at the end": strings.Repeat("#\n", maxFile/2-1) + "\"",
		"a long key":         "\"" + strings.Repeat("x", maxFile-10) + "\": 1",
		"many keys":          strings.Repeat("version: 1\n", maxFile/11),
		"many aliases":       "a: &a [x]\n" + strings.Repeat("- *a\n", maxFile/5-10),
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse("policy.yaml", []byte(data))
			require.Error(t, err)
		})
	}
}
