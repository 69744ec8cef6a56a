package metrics_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"
)

// ruleHead is what the PrometheusRule has before its groups.
const ruleHead = `# Written by go test ./notify/metrics -update, of deploy/alerts.yaml: change that one.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: tokensweep
  namespace: tokensweep
  labels:
    app.kubernetes.io/name: tokensweep
    app.kubernetes.io/instance: tokensweep
spec:
`

// Kustomize can't put one file into the other, so that one repeats it.
func TestThePrometheusRuleHasTheAlertsOfTheirFile(t *testing.T) {
	alerts, err := os.ReadFile("../../deploy/alerts.yaml")
	require.NoError(t, err)
	_, groups, found := strings.Cut("\n"+string(alerts), "\ngroups:\n")
	require.True(t, found)
	var text strings.Builder
	text.WriteString(ruleHead)
	for line := range strings.Lines("groups:\n" + groups) {
		if line != "\n" {
			text.WriteString("  ")
		}
		text.WriteString(line)
	}
	const file = "../../deploy/components/prometheus/prometheusrule.yaml"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(text.String()), 0o600))
	}
	is, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, text.String(), string(is), "go test ./notify/metrics -update writes it")

	// The same, whatever the text looks like.
	var rule struct{ Spec any }
	var rules any
	require.NoError(t, yaml.Unmarshal(is, &rule))
	require.NoError(t, yaml.Unmarshal(alerts, &rules))
	require.Equal(t, rules, rule.Spec)
}
