package cli

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/audit"
	"tokensweep/notify"
)

func TestATableSaysWhatItHasNoPlaceForOnStandardError(t *testing.T) {
	for name, complete := range map[string]bool{"of a complete pass": true, "of one that failed": false} {
		t.Run(name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			a := &app{stdout: &stdout, stderr: &stderr, summary: &summary{}, logFormat: newChoice("text", "text")}
			csv, _ := notify.ReportForms.Find("csv")
			d := &delivery{app: a, out: &reportOutput{form: csv, w: &stdout}}
			require.NoError(t, d.write(&audit.Report{
				Complete: complete, Notes: []string{"the run X did not come to report\x1b[2J that"},
				Vanished: []audit.Vanished{{ID: "00T1", Name: "ci", Reason: "unexplained"}},
			}))
			require.Contains(t, stderr.String(), "did not come to report")
			require.Contains(t, stderr.String(), "00T1 (\"ci\") is no longer listed: unexplained")
			require.NotContains(t, stderr.String(), "\x1b")
		})
	}
}

func TestACommandForOthersNamesWhereThePolicyAndTheStateAre(t *testing.T) {
	for want, f := range map[string]runFlags{
		"": {policy: defaultPolicy, state: stateFlag{dir: defaultState}},
		"--policy /etc/tokensweep/prod.yaml": {policy: "/etc/tokensweep/prod.yaml",
			state: stateFlag{dir: defaultState}},
		`--policy 'of Kim'\''s $HOME.yaml' --state /var/lib/x`: {policy: "of Kim's $HOME.yaml",
			state: stateFlag{dir: "/var/lib/x"}},
	} {
		require.Equal(t, want, f.locations())
	}
}
