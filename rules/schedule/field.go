package schedule

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// field is one of the five of a cron expression. robfig/cron reads the same language; it is read here first since its
// errors are those of its parser, and since it says nothing of what is allowed and hardly ever meant.
type field struct {
	name        string
	unit, whole string // of its steps, in the plural, and what they go through
	least, most int
	names       []string // of its values, from least on; nil if they have none
	period      int      // after how many values it begins anew; 0 where that differs
}

const minuteField, hourField, dayField, monthField, weekdayField = 0, 1, 2, 3, 4

var cronFields = []field{
	{"minute", "minutes", "hour", 0, 59, nil, 60},
	{"hour", "hours", "day", 0, 23, nil, 24},
	{"day", "days", "month", 1, 31, nil, 0},
	{"month", "months", "year", 1, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct",
		"nov", "dec"}, 12},
	{"weekday", "days", "week", 0, 6, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}, 7},
}

// foreign are words of other crons, in the field by its index or in all (-1), and what to write instead.
var foreign = []struct {
	field int
	form  *regexp.Regexp
	why   string
}{
	{-1, regexp.MustCompile(`(?i)^H([/(].*)?$`), "a time that the program picks, is not known: write a number, such " +
		"as 17"},
	{weekdayField, regexp.MustCompile(`#`), "one such weekday in a month, is not known: write the weekday alone for " +
		"each of them, or * and a day of the month"},
	{weekdayField, regexp.MustCompile(`(?i)^([0-7]|[a-z]{3})?L$`), "the last such weekday of a month, is not known: " +
		"write the weekday alone for each of them, or * and a day of the month"},
	{dayField, regexp.MustCompile(`(?i)^([0-9]+|L)W$`), "the nearest working day, is not known: write the day alone, " +
		"or * and the weekdays 1-5"},
	{dayField, regexp.MustCompile(`(?i)^L(-[0-9]+)?$`), "a day counted from the end of a month, is not known: write " +
		"a day that every month has, such as 28, or 1 for the day after the last"},
}

// span is one part of a field, between commas: every step-th value from low to high.
type span struct {
	text            string
	low, high, step int
	all             bool // written with * or ?
	closed          bool // both ends are written
}

// read reads the field, which has the index i of the five. The error says what is wrong and what to write.
func (f field) read(i int, text string) ([]span, error) {
	var spans []span
	for part := range strings.SplitSeq(text, ",") {
		if part == "" {
			continue
		}
		for _, word := range foreign {
			if (word.field < 0 || word.field == i) && word.form.MatchString(part) {
				return nil, fmt.Errorf("%s, %s", part, word.why)
			}
		}
		s, err := f.span(part)
		if err != nil {
			return nil, err
		}
		spans = append(spans, s)
	}
	if len(spans) == 0 {
		return nil, fmt.Errorf("the field %q names no time", text)
	}
	return spans, nil
}

// span reads one part of a field: *, a value or a range, and perhaps a step behind a slash.
func (f field) span(part string) (s span, err error) {
	s = span{text: part, low: f.least, high: f.most, step: 1}
	values, step, stepped := strings.Cut(part, "/")
	if stepped {
		s.step, err = strconv.Atoi(step)
		switch {
		case err != nil || strings.HasPrefix(step, "+") || s.step < 0:
			return s, fmt.Errorf("the step of %s is no number: write for example */2", part)
		case s.step == 0:
			return s, fmt.Errorf("the step of %s is 0, which goes nowhere: write 1 or more", part)
		}
		s.step = min(s.step, 1000) // beyond every end; a greater one could overflow
	}
	if values == "*" || values == "?" {
		s.all = true
		return s, nil
	}
	low, high, isRange := strings.Cut(values, "-")
	if s.low, err = f.value(low, part); err != nil {
		return s, err
	}
	switch {
	case isRange:
		s.closed = true
		if s.high, err = f.value(high, part); err != nil {
			return s, err
		}
		if s.low > s.high {
			return s, fmt.Errorf("%s ends before it begins: write %d-%d,%d-%d", part, s.low, f.most, f.least, s.high)
		}
	case !stepped:
		s.high = s.low
	}
	return s, nil
}

// value is one value of a field, by number or name. part is where it stands.
func (f field) value(text, part string) (int, error) {
	if i := slices.Index(f.names, strings.ToLower(text)); i >= 0 {
		return f.least + i, nil
	}
	n, err := strconv.Atoi(text)
	switch {
	case err == nil && n >= f.least && n <= f.most && !strings.HasPrefix(text, "+"):
		return n, nil
	case text == "7" && f.period == 7:
		return 0, fmt.Errorf("7 is no weekday, since Sunday is 0 or sun: write %s", sundays(part))
	}
	if text == "" {
		text = part
	}
	values := fmt.Sprintf("a number from %d to %d", f.least, f.most)
	if f.names != nil {
		values += ", or " + strings.Join(f.names, ", ")
	}
	return 0, fmt.Errorf("%q is no %s: write %s", text, f.name, values)
}

// sundays is a part of the weekdays as it is to be written, if 7 in it is Sunday.
func sundays(part string) string {
	values, step, stepped := strings.Cut(part, "/")
	low, high, isRange := strings.Cut(values, "-")
	switch {
	case stepped:
		return "each day by itself, such as 0,2,4"
	case !isRange:
		return "0"
	case low == "7":
		return "0-" + high
	case low == "0" || low == "1":
		return "*" + step
	case low == "6":
		return "6,0"
	}
	return low + "-6,0"
}

// doubt says that the steps of a part are not all of one length, "" if they are.
func (f field) doubt(s span) string {
	if s.step == 1 {
		return ""
	}
	last := s.high - (s.high-s.low)%s.step
	switch {
	case s.closed && last == s.high:
		return ""
	case s.closed:
		return fmt.Sprintf("the step of %s does not come out at its end: it means %s, write that", s.text, f.list(s))
	case f.period == 0:
		return fmt.Sprintf("%s begins anew on each first day of a month, whose last step is shorter: write the days, "+
			"such as 1,11,21", s.text)
	case s.low+f.period-last == s.step:
		return ""
	case !s.all:
		return fmt.Sprintf("%s goes to the end of the %s: it means %s, write that", s.text, f.whole, f.list(s))
	case last == s.low:
		return fmt.Sprintf("%s means %d alone, since the %s ends before the next step: write %d", s.text, s.low,
			f.whole, s.low)
	}
	write := "write " + f.list(s)
	if d := f.divisor(s.step); d > 1 {
		write = fmt.Sprintf("write one that does, such as */%d, or %s", d, f.list(s))
	}
	short, unit := s.low+f.period-last, f.unit
	if short == 1 {
		unit = strings.TrimSuffix(unit, "s")
	}
	return fmt.Sprintf("the step of %s does not divide the %s, so that its last one is of %d %s: %s", s.text, f.whole,
		short, unit, write)
}

// list are the values of a part, with the commas between them.
func (f field) list(s span) string {
	var all []string
	for v := s.low; v <= s.high; v += s.step {
		all = append(all, strconv.Itoa(v))
	}
	return strings.Join(all, ",")
}

// divisor is the step nearest to this one that divides the period, 1 if none does.
func (f field) divisor(step int) int {
	best := 1
	for d := 2; d < f.period; d++ {
		if f.period%d == 0 && abs(d-step) <= abs(best-step) {
			best = d
		}
	}
	return best
}

func abs(n int) int { return max(n, -n) }
