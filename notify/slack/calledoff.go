package slack

import (
	"fmt"
	"strings"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/okta"
)

// calledOffTable is the table of what was called off.
func calledOffTable(r *audit.Report, o Options) pagedTable {
	list := pagedTable{r: r, o: o, part: "called-off", noun: "step", title: strings.ToLower(notify.CalledOffTitle(r)),
		most: otherPages}
	list.head = []string{"Token", "Id", "What", "Why"}
	for i := range r.CalledOff {
		c := &r.CalledOff[i]
		list.rows = append(list.rows, []cell{
			foreign(notify.Title(&c.Token), 40), foreign(okta.Printable(c.Token.ID), 24),
			foreign(c.What(), 200), foreign(c.Why, 160)})
	}
	return list
}

// calledOffItems are the sentences for an owner who was told of what was called off.
func calledOffItems(r *audit.Report, userID string) (lines []string) {
	for i := range r.CalledOff {
		if c := &r.CalledOff[i]; c.OwnerTold && userID != "" && c.Token.UserID == okta.Some(userID) {
			lines = append(lines, safe(fmt.Sprintf("%s (%s): %s: %s",
				safe(notify.Title(&c.Token), 60), safe(c.Token.ID, 24), c.What(), c.Why), 400))
		}
	}
	return lines
}
