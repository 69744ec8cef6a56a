package notify

import (
	"fmt"

	"tokensweep/audit"
	"tokensweep/okta"
)

// calledOff are the sentences about what was called off.
func calledOff(r *audit.Report) (lines []string) {
	for i := range r.CalledOff {
		c := &r.CalledOff[i]
		lines = append(lines, okta.Printable(fmt.Sprintf("%s (%s): %s: %s", Title(&c.Token), c.Token.ID, c.What(),
			c.Why)))
	}
	return lines
}

// CalledOffLines are sentences about what was called off, for a form that has no place for it.
func CalledOffLines(r *audit.Report) (lines []string) {
	for _, line := range calledOff(r) {
		lines = append(lines, CalledOffTitle(r)+": "+line)
	}
	return lines
}

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
