package rules

import (
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"tokensweep/okta"
)

// units are the units of a duration, the largest first.
var units = []struct {
	name   string
	length time.Duration
}{{"w", 7 * day}, {"d", day}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}}

// durationTraps are what people write instead of a duration, and what to tell them.
var durationTraps = []struct {
	form   *regexp.Regexp
	advice string
}{
	{regexp.MustCompile(`^$`), "write a number and a unit, such as 21d"},
	{regexp.MustCompile(`^-`), "it can't be negative, write it without the minus"},
	{regexp.MustCompile(`^\d+$`), "it has no unit, write for example 21d, 12h or 30m"},
	{regexp.MustCompile(`\d[.,]\d`), "it can't be a fraction, write 36h for 1.5d"},
	{regexp.MustCompile(`(?i)^\d+ ?(mo|mon|months?|y|yr|years?)$`),
		"months and years have no fixed length, write days, such as 30d or 365d"},
	{regexp.MustCompile(`^\d+ ?M$`), "M could be months or minutes, write days (30d) or a small m for minutes (30m)"},
	{regexp.MustCompile(`(?i)^p.*\d+y|^p[^t]*\d+m`), "months and years have no fixed length, write days, such as P30D"},
	{regexp.MustCompile(`^\d+[WDHS]`), "units are small letters, such as 21d"},
	{regexp.MustCompile(`^p`), "ISO 8601 has capital letters, such as P21D"},
	{regexp.MustCompile(`^\d+ [a-z]|^\d+[a-z]{2,}`), "write a number and one of the letters w d h m s, such as 90d"},
}

// ParseDuration reads a length of time as policies write it, such as 24h or 14d. The error says what to write instead.
func ParseDuration(s string) (time.Duration, error) { return parseDuration(s) }

// FormatDuration writes a length of time as a policy would, in days and less.
func FormatDuration(d time.Duration) string { return formatDuration(d) }

// parseDuration reads 30s, 90m, 12h, 21d, 2w and sums of these with the larger unit first, each unit
// once, such as 1d12h; or ISO 8601 as okta.ParseDuration does. The error says what to write instead.
func parseDuration(s string) (time.Duration, error) {
	for _, trap := range durationTraps {
		if trap.form.MatchString(s) {
			return 0, errors.New(trap.advice)
		}
	}
	if strings.HasPrefix(s, "P") {
		d, err := okta.ParseDuration(s)
		if err != nil {
			return 0, errors.New("write ISO 8601 in whole numbers, such as P21D, P2W or PT36H")
		}
		return d, nil
	}
	total, rest, next := time.Duration(0), s, 0
	for rest != "" {
		digits := len(rest) - len(strings.TrimLeft(rest, "0123456789"))
		at := -1
		if digits > 0 && digits < len(rest) {
			at = unitIndex(rest[digits])
		}
		switch {
		case at < 0:
			return 0, errors.New("write numbers with the units w d h m s, such as 21d or 1d12h")
		case at < next:
			return 0, errors.New("write each unit once, the larger one first, such as 1d12h")
		}
		n, err := strconv.ParseInt(rest[:digits], 10, 64)
		if err != nil || n > (math.MaxInt64-int64(total))/int64(units[at].length) {
			return 0, errors.New("it is longer than 292 years")
		}
		total += time.Duration(n) * units[at].length
		rest, next = rest[digits+1:], at+1
	}
	return total, nil
}

func unitIndex(c byte) int {
	for i := range units {
		if units[i].name[0] == c {
			return i
		}
	}
	return -1
}

// formatDuration writes a length of time as the policy would: 21d3h. It has no weeks, since Okta and
// people count the life of a token in days, and shows parts of a second as a fraction.
func formatDuration(d time.Duration) string {
	if d < 0 {
		return "-" + formatDuration(-d)
	}
	var b strings.Builder
	for _, u := range units[1:4] {
		if d >= u.length {
			fmt.Fprintf(&b, "%d%s", d/u.length, u.name)
			d %= u.length
		}
	}
	if d > 0 || b.Len() == 0 {
		b.WriteString(strconv.FormatFloat(d.Seconds(), 'f', -1, 64) + "s")
	}
	return b.String()
}

// coarse writes a length of time in its largest unit that tells it from limit just as the exact
// length does: 24d3h is 24d beside a limit of 21d, but 24d3h beside one of 24d.
func coarse(d, limit time.Duration) string {
	for _, u := range units[1:] {
		if whole := d.Truncate(u.length); whole > 0 && (whole > limit) == (d > limit) &&
			(whole < limit) == (d < limit) {
			return formatDuration(whole)
		}
	}
	return formatDuration(d)
}
