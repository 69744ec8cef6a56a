package notify

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/rules"
)

// ExplanationText writes for people all that there is to say of one token.
func ExplanationText(w io.Writer, e *audit.Explanation, s Style) error {
	var b strings.Builder
	_, _ = fmt.Fprintf(&b, "%s (%s), as of %s\n", s.paint(text.FgGreen, Title(&e.Token)), okta.Printable(e.Token.ID),
		e.At.UTC().Format("2006-01-02 15:04:05 MST"))
	explainNow(&b, e, s)
	explainFields(&b, e, s)
	b.WriteString("\nRULES\n")
	for _, r := range e.Trace.Rules {
		_, _ = fmt.Fprintf(&b, "  %s (%s): %s\n", r.Rule.ID, r.Rule.Severity, verdict(s, r.When.Result))
		explainCondition(&b, s, r.When, "    ")
	}
	if len(e.Trace.Exemptions) > 0 {
		b.WriteString("\nEXEMPTIONS\n")
	}
	for _, x := range e.Trace.Exemptions {
		ended := ""
		if x.Exemption.Ended(e.At) {
			ended = ", and it has ended"
		}
		paragraph(&b, s, "  ", okta.Printable(x.Exemption.String())+": "+x.Match.Result+ended)
		explainCondition(&b, s, x.Match, "    ")
	}
	explainSpared(&b, e, s)
	if len(e.Steps) > 0 {
		b.WriteString("\nSTEPS\n")
	}
	for _, step := range e.Steps {
		paragraph(&b, s, "  ", stepAhead(step))
	}
	b.WriteString("\nWHAT COMES, if nobody uses or edits it, and every notice and step comes at once\n")
	for _, ev := range e.Calendar {
		paragraph(&b, s, "  "+rfc3339(ev.At)+"  ", what(ev)+because(ev))
	}
	if len(e.Calendar) == 0 {
		b.WriteString("  nothing\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// explainNow says what comes of the token now, in the words of a report.
func explainNow(b *strings.Builder, e *audit.Explanation, s Style) {
	switch {
	case e.Finding == nil && e.Quarantine == nil:
		b.WriteString("No rule concerns it.\n")
		return
	case e.Finding == nil:
		paragraph(b, s, "No rule concerns it. ", okta.Printable(e.Quarantine.String()))
		return
	}
	for i, why := range Reasons(e.Finding) {
		if i == 0 {
			paragraph(b, s, s.paint(colorOf(e.Finding.Outcome), Happens(e.Finding))+" - ", why)
		} else {
			paragraph(b, s, "  ", why)
		}
	}
}

func explainFields(b *strings.Builder, e *audit.Explanation, s Style) {
	b.WriteString("\nFIELDS\n")
	if e.Quarantine != nil {
		paragraph(b, s, "  ", okta.Printable(e.Quarantine.String())+
			"; rules see it as it was before a quarantine of tokensweep")
	}
	for _, f := range e.Trace.Fields {
		value := f.Value
		switch {
		case f.Presence != okta.Known:
			value = "unknown: " + f.Note
		case f.Note != "":
			value += " (" + f.Note + ")"
		}
		paragraph(b, s, fmt.Sprintf("  %-19s ", f.Name), value)
	}
}

// verdict is a result in its colour.
func verdict(s Style, result string) string {
	return s.paint(map[string]text.Color{"true": text.FgRed, "false": text.FgGreen, "unknown": text.FgYellow}[result],
		result)
}

// explainCondition writes a condition and its parts, each with its result first.
func explainCondition(b *strings.Builder, s Style, c rules.Condition, indent string) {
	words := c.Asked
	if c.Actual != "" {
		words += " - " + c.Actual
	}
	paragraph(b, s, indent+verdict(s, c.Result)+strings.Repeat(" ", 9-len(c.Result)), words)
	for _, part := range c.Parts {
		explainCondition(b, s, part, indent+"  ")
	}
}

// explainSpared says what keeps the token from being acted on, whatever the rules say.
func explainSpared(b *strings.Builder, e *audit.Explanation, s Style) {
	b.WriteString("\nPROTECTIONS\n")
	spared := e.Trace.Protections
	if e.Own != "" {
		spared = append(spared[:len(spared):len(spared)], e.Own)
	}
	for _, why := range spared {
		paragraph(b, s, "  - ", okta.Printable(why))
	}
	if len(spared) == 0 {
		b.WriteString("  none: " + unprotected(e) + "\n")
	}
}

// unprotected says what may be done to a token that nothing protects: exemptions may be in the way.
func unprotected(e *audit.Explanation) string {
	undecided := false
	for _, x := range e.Trace.Exemptions {
		switch {
		case x.Exemption.Ended(e.At):
		case x.Match.Result == "true":
			return "only an exemption spares it"
		case x.Match.Result == "unknown":
			undecided = true
		}
	}
	if undecided {
		return "but whether it is exempt can't be told, and nothing is done to it before"
	}
	return "it may be quarantined and revoked, where a rule says so"
}

func stepAhead(s audit.StepAhead) string {
	if s.Noticed.IsZero() {
		return fmt.Sprintf("%s by rule %s, %s after the first notice, which was not delivered yet: were it now, on %s",
			s.Step, s.Rule, delayed(s.After), rfc3339(s.Due))
	}
	return fmt.Sprintf("%s by rule %s, %s after the notice of %s: on %s", s.Step, s.Rule, delayed(s.After),
		rfc3339(s.Noticed), rfc3339(s.Due))
}

// delayed is a delay as a policy has it.
func delayed(d time.Duration) string {
	switch {
	case d%(24*time.Hour) == 0:
		return fmt.Sprintf("%dd", d/(24*time.Hour))
	case d%time.Hour == 0:
		return strings.TrimSuffix(d.String(), "0m0s")
	case d%time.Minute == 0:
		return strings.TrimSuffix(d.String(), "0s")
	}
	return d.String()
}

// what says what an event is, and what comes next.
func what(e audit.Event) string {
	if e.What == string(audit.Pending) {
		return fmt.Sprintf("pending: %s on %s", e.Step, rfc3339(e.Due))
	}
	if e.What == string(audit.Held) || e.What == string(audit.Protected) || e.What == string(audit.Exempt) {
		return fmt.Sprintf("%s (%s)", e.What, e.Step)
	}
	return e.What
}

// because is why an event happens, behind its name.
func because(e audit.Event) string {
	if len(e.Why) == 0 {
		return ""
	}
	return " - " + okta.Printable(strings.Join(e.Why, "; "))
}

// ExplanationJSON writes the same as one JSON object.
func ExplanationJSON(w io.Writer, e *audit.Explanation) error {
	return writeJSON(w, explanationJSON(e))
}

type jsonExplanation struct {
	Schema      int                `json:"schema"`
	AsOf        *string            `json:"asOf"`
	Token       jsonToken          `json:"token"`
	Owner       *jsonOwner         `json:"owner"`
	Fields      []jsonField        `json:"fields"`
	Rules       []jsonRuleTrace    `json:"rules"`
	Exemptions  []jsonExemption    `json:"exemptions"`
	Protections []string           `json:"protections"`
	Own         string             `json:"own"`
	Quarantined string             `json:"quarantined"`
	Finding     *jsonFinding       `json:"finding"`
	Steps       []jsonStep         `json:"steps"`
	Calendar    []jsonCalendarItem `json:"calendar"`
}

type jsonField struct {
	Name     string  `json:"name"`
	Presence string  `json:"presence"`
	Value    *string `json:"value"`
	Note     string  `json:"note"`
}

type jsonRuleTrace struct {
	ID       string        `json:"id"`
	Severity string        `json:"severity"`
	Result   string        `json:"result"`
	When     jsonCondition `json:"when"`
}

type jsonExemption struct {
	Exemption string        `json:"exemption"`
	Until     *string       `json:"until"`
	Ended     bool          `json:"ended"`
	Result    string        `json:"result"`
	Match     jsonCondition `json:"match"`
}

type jsonCondition struct {
	Expected string          `json:"expected"`
	Actual   string          `json:"actual"`
	Result   string          `json:"result"`
	Parts    []jsonCondition `json:"parts"`
}

type jsonStep struct {
	Rule    string  `json:"rule"`
	Step    string  `json:"step"`
	After   string  `json:"after"`
	Noticed *string `json:"noticed"`
	Due     *string `json:"due"`
}

func conditionJSON(c rules.Condition) jsonCondition {
	j := jsonCondition{c.Asked, c.Actual, c.Result, make([]jsonCondition, 0, len(c.Parts))}
	for _, part := range c.Parts {
		j.Parts = append(j.Parts, conditionJSON(part))
	}
	return j
}

func explanationJSON(e *audit.Explanation) jsonExplanation {
	j := jsonExplanation{
		Schema: 1, AsOf: timestamp(e.At), Token: tokenJSON(&e.Token), Owner: ownerJSON(e.Token.Owner),
		Fields: make([]jsonField, 0, len(e.Trace.Fields)), Rules: make([]jsonRuleTrace, 0, len(e.Trace.Rules)),
		Exemptions:  make([]jsonExemption, 0, len(e.Trace.Exemptions)),
		Protections: append([]string{}, e.Trace.Protections...), Own: e.Own, Quarantined: e.Quarantine.String(),
		Steps: make([]jsonStep, 0, len(e.Steps)), Calendar: calendarItems(e.Calendar),
	}
	for _, f := range e.Trace.Fields {
		item := jsonField{f.Name, f.Presence.String(), nil, f.Note}
		if f.Presence == okta.Known {
			item.Value = &f.Value
		}
		j.Fields = append(j.Fields, item)
	}
	for _, r := range e.Trace.Rules {
		j.Rules = append(j.Rules, jsonRuleTrace{r.Rule.ID, r.Rule.Severity.String(), r.When.Result,
			conditionJSON(r.When)})
	}
	for _, x := range e.Trace.Exemptions {
		j.Exemptions = append(j.Exemptions, jsonExemption{x.Exemption.String(), timestamp(x.Exemption.Until),
			x.Exemption.Ended(e.At), x.Match.Result, conditionJSON(x.Match)})
	}
	if e.Finding != nil {
		f := findingJSON(e.Finding)
		j.Finding = &f
	}
	for _, s := range e.Steps {
		j.Steps = append(j.Steps, jsonStep{s.Rule, s.Step.String(), delayed(s.After), timestamp(s.Noticed),
			timestamp(s.Due)})
	}
	return j
}
