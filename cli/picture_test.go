package cli_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/cli"
	"tokensweep/okta/oktatest"
)

// pictureLines is how much of the report of the demo README shows.
const pictureLines = 35

// TestThePictureInREADMEIsTheReportOfTheDemo holds docs/report.svg against what the program prints of the demo's org by
// the demo's policy. go test ./cli -run Picture -update makes it.
func TestThePictureInREADMEIsTheReportOfTheDemo(t *testing.T) {
	cfg := cli.DemoOrg(clock)
	cfg.Credential = canary
	org := oktatest.Start(cfg)
	defer org.Close()
	policy := filepath.Join(t.TempDir(), "demo.yaml")
	shown := tokensweep(t, org.URL(), "demo", "--show-policy")
	require.NoError(t, os.WriteFile(policy, []byte(shown.stdout), 0o600))
	r := tokensweep(t, org.URL(), "run", "--policy", policy, "--as-of", now.Format("2006-01-02T15:04:05Z"))
	require.Zero(t, r.code, r.stderr)
	lines := strings.Split(strings.ReplaceAll(r.stdout, org.URL(), "https://acme.okta.com"), "\n")
	require.Greater(t, len(lines), pictureLines)
	picture := drawn("$ tokensweep run", append(lines[:pictureLines], "  …"))

	const file = "../docs/report.svg"
	if *update {
		require.NoError(t, os.WriteFile(file, []byte(picture), 0o644))
	}
	raw, err := os.ReadFile(file)
	require.NoError(t, err)
	require.Equal(t, string(raw), picture, "go test ./cli -run Picture -update makes it anew")
}

// drawn is a terminal with these lines, in a colour scheme of its own that can be read on a light page and on a dark
// one.
func drawn(title string, lines []string) string {
	const columns, width, height, margin, bar = 122, 7.25, 17.0, 16.0, 34.0
	var b strings.Builder
	w, h := columns*width+2*margin, bar+float64(len(lines))*height+margin
	_, _ = fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%.0f" `+
		`viewBox="0 0 %.0f %.0f" role="img" aria-label="The report of the demo, in a terminal">
<!-- made by go test ./cli -run Picture -update -->
<style>
text { font: 12px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace }
text { fill: #d5dbe3; white-space: pre }
.head { font-weight: bold; fill: #7ee08a }
.critical { font-weight: bold; fill: #ff8a80 }
.high { font-weight: bold; fill: #ffc46b }
.table { fill: #8b98a9 }
.outcome { fill: #7fc7ff }
</style>
<rect width="100%%" height="100%%" rx="8" fill="#161b22"/>
<text class="table" x="%.0f" y="22">%s</text>
`, w, h, w, h, margin, title)
	for i, line := range lines {
		if line = strings.TrimRight(line, " "); line == "" {
			continue
		}
		// textLength keeps the columns in line whatever font the reader has.
		_, _ = fmt.Fprintf(&b, `<text xml:space="preserve" x="%.0f" y="%.0f" textLength="%.1f">%s</text>`+"\n",
			margin, bar+float64(i)*height+12, float64(len([]rune(line)))*width, coloured(line))
	}
	return b.String() + "</svg>\n"
}

// coloured is a line with the parts that stand out marked.
func coloured(line string) string {
	span := func(class, text string) string {
		return `<tspan class="` + class + `">` + escaped(text) + `</tspan>`
	}
	outcome := regexp.MustCompile(`^(  (?:  )?)(would-[a-z]+|held|pending|flagged|unknown|protected|exempt)(.*)$`)
	switch m := outcome.FindStringSubmatch(line); {
	case strings.HasPrefix(line, "tokensweep "):
		return span("head", line)
	case line == "CRITICAL" || line == "HIGH":
		return span(strings.ToLower(line), line)
	case strings.HasPrefix(line, "NAME "):
		return span("table", line)
	case m != nil:
		return m[1] + span("outcome", m[2]) + escaped(m[3])
	}
	return escaped(line)
}

func escaped(text string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(text))
	return b.String()
}
