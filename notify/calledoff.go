package notify

import (
	"fmt"
	"strings"

	"tokensweep/audit"
	"tokensweep/okta"
	"tokensweep/rules"
)

// calledOffTitle is the title of what was announced and does not come.
func calledOffTitle(r *audit.Report) string {
	if r.Mode == rules.DryRun {
		return "Announced, and an enforcing run would call it off"
	}
	return "Called off: announced, and it does not come"
}

// calledOff are the sentences about what was called off.
func calledOff(r *audit.Report) (lines []string) {
	for i := range r.CalledOff {
		c := &r.CalledOff[i]
		lines = append(lines, okta.Printable(fmt.Sprintf("%s (%s): %s: %s", title(&c.Token), c.Token.ID, c.What(),
			c.Why)))
	}
	return lines
}

// CalledOffLines are sentences about what was called off, for a form that has no place for it.
func CalledOffLines(r *audit.Report) (lines []string) {
	for _, line := range calledOff(r) {
		lines = append(lines, calledOffTitle(r)+": "+line)
	}
	return lines
}

// calledOffNews reports whether something was called off of which people had been told.
func calledOffNews(r *audit.Report) bool { return r.Mode == rules.Enforce && len(r.CalledOff) > 0 }

// jsonCalledOff is what was announced and does not come; CalledOff is null where an enforcing run would call it off.
type jsonCalledOff struct {
	Token     jsonCalledOffToken `json:"token"`
	Rule      string             `json:"rule"`
	Announced *string            `json:"announced"`
	Steps     []jsonStepDue      `json:"steps"`
	CalledOff *string            `json:"calledOff"`
	Why       string             `json:"why"`
	OwnerTold bool               `json:"ownerTold"`
}

type jsonCalledOffToken struct {
	ID     string  `json:"id"`
	Name   *string `json:"name"`
	UserID *string `json:"userId"`
}

type jsonStepDue struct {
	Step string  `json:"step"`
	Due  *string `json:"due"`
}

func calledOffJSON(r *audit.Report) []jsonCalledOff {
	out := make([]jsonCalledOff, 0, len(r.CalledOff))
	for _, c := range r.CalledOff {
		steps := make([]jsonStepDue, 0, len(c.Steps))
		for _, s := range c.Steps {
			steps = append(steps, jsonStepDue{s.Step.String(), timestamp(s.Due)})
		}
		out = append(out, jsonCalledOff{
			jsonCalledOffToken{c.Token.ID, pointer(c.Token.Name), pointer(c.Token.UserID)}, c.Rule,
			timestamp(c.Announced), steps, timestamp(c.Ended), c.Why, c.OwnerTold,
		})
	}
	return out
}

// slackCalledOff is the table of what was called off.
func slackCalledOff(r *audit.Report, o SlackOptions) slackList {
	list := slackList{r: r, o: o, part: "called-off", noun: "step", title: strings.ToLower(calledOffTitle(r)),
		most: slackOtherPages}
	list.head = []string{"Token", "Id", "What", "Why"}
	for i := range r.CalledOff {
		c := &r.CalledOff[i]
		list.rows = append(list.rows, []slackCell{foreign(title(&c.Token), 40), foreign(okta.Printable(c.Token.ID), 24),
			foreign(c.What(), 200), foreign(c.Why, 160)})
	}
	return list
}

// calledOffFor are the sentences for an owner who was told of what was called off.
func calledOffFor(r *audit.Report, userID string) (lines []string) {
	for i := range r.CalledOff {
		if c := &r.CalledOff[i]; c.OwnerTold && userID != "" && c.Token.UserID == okta.Some(userID) {
			lines = append(lines, safe(fmt.Sprintf("%s (%s): %s: %s", safe(title(&c.Token), 60), safe(c.Token.ID, 24),
				c.What(), c.Why), 400))
		}
	}
	return lines
}
