package notify

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/jedib0t/go-pretty/v6/text"

	"tokensweep/audit"
	"tokensweep/okta"
)

// TestsText writes for people what came of policy tests. A case that fails is explained.
func TestsText(w io.Writer, reports []audit.TestReport, s Style) error {
	var b strings.Builder
	all, failed := 0, 0
	for i := range reports {
		r := &reports[i]
		all, failed = all+len(r.Cases), failed+r.Failed()
		_, _ = fmt.Fprintf(&b, "%s, with %s\n", okta.Printable(r.File), okta.Printable(r.PolicyFile))
		for _, c := range r.Cases {
			if len(c.Failures) == 0 {
				paragraph(&b, s, "  "+s.paint(text.FgGreen, "ok")+"    ", okta.Printable(c.Case.Name))
				continue
			}
			paragraph(&b, s, "  "+s.paint(text.FgRed, "FAIL")+"  ",
				fmt.Sprintf("%s (line %d)", okta.Printable(c.Case.Name), c.Case.Line))
			why, err := failure(c, s)
			if err != nil {
				return err
			}
			for line := range strings.Lines(why) {
				b.WriteString(strings.TrimRight("        "+line, " \n") + "\n")
			}
		}
	}
	_, _ = fmt.Fprintf(&b, "%s, %d failed\n", Count(all, "case"), failed)
	_, err := io.WriteString(w, b.String())
	return err
}

// failure says what is not as expected, and then explains the token.
func failure(c audit.CaseResult, s Style) (string, error) {
	var b strings.Builder
	for _, f := range c.Failures {
		b.WriteString(okta.Printable(f) + "\n")
	}
	b.WriteString("\n")
	s.Width = s.width() - 8
	err := ExplanationText(&b, c.Explanation, s)
	return b.String(), err
}

// TestsJSON writes the same as one JSON object.
func TestsJSON(w io.Writer, reports []audit.TestReport) error {
	type jsonCase struct {
		Name        string           `json:"name"`
		Line        int              `json:"line"`
		OK          bool             `json:"ok"`
		Failures    []string         `json:"failures"`
		Explanation *jsonExplanation `json:"explanation"`
	}
	type jsonFile struct {
		File   string     `json:"file"`
		Policy jsonPolicy `json:"policy"`
		Cases  []jsonCase `json:"cases"`
	}
	j := struct {
		Schema int        `json:"schema"`
		Cases  int        `json:"cases"`
		Failed int        `json:"failed"`
		Files  []jsonFile `json:"files"`
	}{Schema: 1, Files: []jsonFile{}}
	for i := range reports {
		r := &reports[i]
		f := jsonFile{r.File, jsonPolicy{r.PolicyDigest, r.PolicyFile}, make([]jsonCase, 0, len(r.Cases))}
		for _, c := range r.Cases {
			item := jsonCase{Name: c.Case.Name, Line: c.Case.Line, OK: len(c.Failures) == 0,
				Failures: append([]string{}, c.Failures...)}
			if !item.OK {
				e := explanationJSON(c.Explanation)
				item.Explanation = &e
			}
			f.Cases = append(f.Cases, item)
		}
		j.Files, j.Cases, j.Failed = append(j.Files, f), j.Cases+len(r.Cases), j.Failed+r.Failed()
	}
	return writeJSON(w, j)
}

// TestsJUnit writes the same in the XML that CI systems read
// (https://github.com/testmoapp/junitxml).
func TestsJUnit(w io.Writer, reports []audit.TestReport) error {
	type xmlFailure struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",chardata"`
	}
	type xmlCase struct {
		Class   string      `xml:"classname,attr"`
		Name    string      `xml:"name,attr"`
		File    string      `xml:"file,attr"`
		Line    int         `xml:"line,attr"`
		Failure *xmlFailure `xml:"failure"`
	}
	type xmlSuite struct {
		Name   string    `xml:"name,attr"`
		Tests  int       `xml:"tests,attr"`
		Failed int       `xml:"failures,attr"`
		Cases  []xmlCase `xml:"testcase"`
	}
	x := struct {
		XMLName xml.Name   `xml:"testsuites"`
		Name    string     `xml:"name,attr"`
		Tests   int        `xml:"tests,attr"`
		Failed  int        `xml:"failures,attr"`
		Suites  []xmlSuite `xml:"testsuite"`
	}{Name: "tokensweep test"}
	for i := range reports {
		r := &reports[i]
		suite := xmlSuite{Name: okta.Printable(r.File), Tests: len(r.Cases), Failed: r.Failed()}
		for _, c := range r.Cases {
			item := xmlCase{Class: okta.Printable(r.PolicyFile), Name: okta.Printable(c.Case.Name),
				File: okta.Printable(r.File), Line: c.Case.Line}
			if len(c.Failures) > 0 {
				why, err := failure(c, Style{})
				if err != nil {
					return err
				}
				item.Failure = &xmlFailure{okta.Printable(strings.Join(c.Failures, "; ")), why}
			}
			suite.Cases = append(suite.Cases, item)
		}
		x.Suites, x.Tests, x.Failed = append(x.Suites, suite), x.Tests+suite.Tests, x.Failed+suite.Failed
	}
	raw, err := xml.MarshalIndent(x, "", "  ")
	if err != nil {
		return fmt.Errorf("writing XML: %w", err)
	}
	_, err = io.WriteString(w, xml.Header+string(raw)+"\n")
	return err
}
