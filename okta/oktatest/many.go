package oktatest

import (
	"fmt"
	"math/rand/v2"
	"time"
)

// TokenID makes the nth token id: another one for each n, and valid (00T and 17 letters or digits).
func TokenID(n int) string { return id("00T", n) }

// OrgID makes the nth id of an org: another one for each n, and valid (00o and 17 letters or digits).
func OrgID(n int) string { return id("00o", n) }

// UserID makes the nth user id: another one for each n, and valid (00u and 17 letters or digits).
func UserID(n int) string { return id("00u", n) }

const digits = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

// id scatters n over 64 bits, one to one, and writes it as 11 digits between what looks like an org's own
// prefix and suffix.
func id(prefix string, n int) string {
	x := uint64(n) + 0x9e3779b97f4a7c15 // splitmix64's finalizer
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	x ^= x >> 31
	b := []byte(prefix + "1fk00000000000" + "1d7")
	for i := len(b) - 4; x > 0; i-- {
		b[i] = digits[x%62]
		x /= 62
	}
	return string(b)
}

var purposes = [...]string{
	"terraform", "ci-runner", "scim-sync", "reporting", "backup", "siem-export", "onboarding", "helpdesk-bot",
	"access-review", "jira-sync", "slack-bot", "audit-export",
}

// Many makes n plausible tokens of an org at the time now, the same ones each time, for large tests: their
// ids are TokenID(0) to TokenID(n-1), and a user owns eight of them or so. Most are in daily use, some are
// idle, some were never used, some are years old, and some show an agent as their client; none is
// expired.
func Many(n int, now time.Time) []Token {
	rng := rand.New(rand.NewPCG(1, 2))
	now = now.UTC().Truncate(time.Second)
	owners := make([]string, n/8+1)
	for i := range owners {
		owners[i] = UserID(i)
	}
	ago := func(most time.Duration) time.Time {
		return now.Add(-time.Duration(rng.Int64N(int64(most/time.Second))) * time.Second)
	}
	tokens := make([]Token, n)
	for i := range tokens {
		t := &tokens[i]
		t.ID = TokenID(i)
		t.UserID = owners[rng.IntN(len(owners))]
		t.Name = fmt.Sprintf("%s-%d", purposes[rng.IntN(len(purposes))], i)
		t.Created = ago(3 * 365 * day)
		switch kind := rng.IntN(100); {
		case kind < 70:
			t.LastUsed = ago(day)
		case kind < 95:
			t.LastUsed = ago(29 * day)
		default:
			t.Created = ago(29 * day)
		}
		if t.LastUsed.Before(t.Created) && !t.LastUsed.IsZero() {
			t.Created = t.LastUsed.Add(-time.Hour)
		}
		if rng.IntN(50) == 0 {
			t.ClientName = "Okta AD Agent"
			t.Name = fmt.Sprintf("dc%d.corp.example.com", i)
		}
	}
	return tokens
}

// Owners makes an active user for each owner of tokens, in order of first appearance.
func Owners(tokens []Token) []User {
	seen := make(map[string]bool, len(tokens)/8)
	var users []User
	for _, t := range tokens {
		if t.UserID == "" || seen[t.UserID] {
			continue
		}
		seen[t.UserID] = true
		login := fmt.Sprintf("user%d@example.com", len(users))
		users = append(users, User{ID: t.UserID, Login: login, FirstName: "User", LastName: fmt.Sprint(len(users))})
	}
	return users
}
