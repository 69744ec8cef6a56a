package slack

import "strings"

// Versions before the field name wrote where a report goes, and where a message is, in one sentence alone. Their
// records are still in ledgers.

// channelInWords is the channel in "slack C0SECURITY"; "" in other words.
func channelInWords(via string) string {
	words := strings.Fields(via)
	if len(words) != 2 || via == viaWebhook {
		return ""
	}
	return words[1]
}

// tsInWords is the ts in "slack C0SECURITY 1700000000.000100"; "" in other words.
func tsInWords(via string) string {
	words := strings.Fields(via)
	if len(words) != 3 {
		return ""
	}
	return words[2]
}
