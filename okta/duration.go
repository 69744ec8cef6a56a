package okta

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// ParseDuration reads an ISO 8601 duration of whole weeks, days, hours, minutes and seconds, such as
// the P30D and PT5M of Okta's tokenWindow. Years and months are refused, since their length depends on
// the calendar; so are fractions, signs, an empty duration ("P", "PT") and more than 292 years.
func ParseDuration(s string) (time.Duration, error) {
	bad := func(why string) (time.Duration, error) {
		return 0, fmt.Errorf("bad ISO 8601 duration %q: %s", s, why)
	}
	if len(s) == 0 || s[0] != 'P' {
		return bad("want a form like P30D or PT12H")
	}
	units, inTime, parts := "WD", false, 0
	total := int64(0)
	for i := 1; i < len(s); {
		if s[i] == 'T' && !inTime {
			units, inTime, i, parts = "HMS", true, i+1, 0
			continue
		}
		start, n := i, int64(0)
		for ; i < len(s) && s[i] >= '0' && s[i] <= '9'; i++ {
			if n > (math.MaxInt64-9)/10 {
				return bad("the number is too large")
			}
			n = n*10 + int64(s[i]-'0')
		}
		if i == start || i == len(s) {
			return bad("want a number and a unit")
		}
		at := strings.IndexByte(units, s[i])
		if at < 0 {
			return bad("want the units W, D, then T and H, M, S, in this order; months and years have no fixed length")
		}
		seconds := secondsPer[s[i]]
		if n > (math.MaxInt64/int64(time.Second)-total)/seconds {
			return bad("it is longer than 292 years")
		}
		total += n * seconds
		units, i, parts = units[at+1:], i+1, parts+1
	}
	if parts == 0 {
		return bad("it names no length of time")
	}
	return time.Duration(total) * time.Second, nil
}

var secondsPer = map[byte]int64{'W': 7 * 24 * 3600, 'D': 24 * 3600, 'H': 3600, 'M': 60, 'S': 1}
