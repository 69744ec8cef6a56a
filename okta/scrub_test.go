package okta

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/okta/oktatest"
)

// leaks are credentials in what is said of them; what must not come through has the word canary in it.
var leaks = []string{
	"00canaryCANARYcanaryCANARYcanaryCANARY0000", "token 00canaryCANARYcanaryCANARYcanaryCANARY0000: 401",
	"xoxb-123456789012-canary", "xoxe.xoxp-1-canarycanary", "xapp-1-A0CANARY-1-canary", "XOXB-123456-canary",
	"Post https://hooks.slack.com/services/T0/B0/canary: EOF", "https://hooks.slack-gov.com/triggers/canary",
	"T0CANARY1/B0CANARY2/canaryCANARYcanaryCANARY", "AKIACANARYCANARY1234", "ASIACANARYCANARY1234",
	"key=canary7MDENG/bPxRfiCYEXAMPLEKEYcanary+0z", "eyJhbGciOiJSUzI1NiJ9.canary.canary",
	"-----BEGIN RSA PRIVATE KEY-----\nMIIcanary\n-----END RSA PRIVATE KEY-----",
	"-----BEGIN EC PRIVATE KEY-----\ncanary", `"-----BEGIN PRIVATE KEY-----\ncanary`,
	"MIIcanaryCANARYcanaryCANARYcanaryCANARYcanaryCANARYcanaryCANARY00",
	`{"kty":"RSA","d":"canarycanarycanary","p": "canarycanarycanary"}`, `"{\"d\":\"canarycanarycanary\"}"`,
	"https://bot:canary@host", "dial http://canary@127.0.0.1:3128: refused", "https://a:canary%zz@[",
	"https:/bot:canary@host/x", "proxy bot:canary@proxy.example:3128",
	"https://host/path?sig=canary", "https://host?canary: no such host", "https://host/x#access_token=canary",
	"https:/host/?canary/ledger.jsonl",
}

func TestScrubLeavesNothingOfACredential(t *testing.T) {
	for _, text := range leaks {
		got := Scrub(text)
		require.NotContains(t, strings.ToLower(got), "canary", text)
		require.Contains(t, got, redacted, text)
		require.Equal(t, got, Scrub(got), "once is enough")
	}
}

// What people need to read stays: ids, digests, heads of ledgers, addresses, paths, advice.
func TestScrubLeavesTheRestAsItIs(t *testing.T) {
	for _, text := range []string{
		oktatest.TokenID(1), oktatest.UserID(1), "nzo1a2b3c4d5e6f7g8h9", "0oa1b2c3d4e5f6g7h8i9",
		"20261124T090000Z-7c1f2a",
		"sha256:98d19ae644cc7ee2dd7cf92fa2d049a4dcde403acb24b06d344d9d3e2632d429",
		"head 17:98d19ae644cc7ee2dd7cf92fa2d049a4dcde403acb24b06d344d9d3e2632d429",
		"d845c59cb7e45a1ffd00d845c59cb7e45a1ffd00", "kim@acme.example", "owner sre@acme.example, until 2099-12-31",
		"policy.yaml:4:23: unknown key \"rulez\"",
		"GET /api/v1/api-tokens?after=x: 500", "https://acme.okta.com", "http://127.0.0.1:41231/api/v1/users/me: EOF",
		"want a URL like http://pushgateway:9091",
		"write it like http://proxy:3128, and what is special in a password as %XX",
		"set SLACK_BOT_TOKEN to a token that begins with xoxb-", "https://hooks.slack.com",
		"/tmp/TestNoOutputGoesOntoWhatACommandReadsOrKeeps12345/001/state/ledger.jsonl",
		"/var/lib/Tokensweep/Production/EU1/State/2026", "https://acme.okta.com/api/v1: 404",
		"Terraform-Production-EU-West-1-Deploy-Key-2025-owned-by-Platform", strings.Repeat("long", 100), "a=b:c",
		"12:30:00 kim@acme.example", "",
	} {
		require.Equal(t, text, Scrub(text))
		require.False(t, HoldsSecret(text), text)
	}
}
