package slack

import "strings"

// tsInWords is the ts at the end of how versions before the field for it wrote where a message is:
// "slack C0SECURITY 1700000000.000100". Their records are still in ledgers.
func tsInWords(via string) string {
	words := strings.Fields(via)
	if len(words) != 3 {
		return ""
	}
	return words[2]
}
