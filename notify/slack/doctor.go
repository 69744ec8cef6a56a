package slack

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"tokensweep/audit"
)

// failedCheck is a check that Slack has failed. A run's report would not be delivered.
func failedCheck(name string, err error) audit.Check {
	c := audit.Check{Name: name, Status: audit.Failure, Code: audit.Undelivered, Detail: err.Error()}
	if e := (*Error)(nil); errors.As(err, &e) {
		c.Detail, c.Advice = e.Doing+": "+e.Said, e.Advice
	}
	return c
}

// Check looks at all that a delivery needs: whose token it is, what it may do, the channel; and it posts a
// message to the channel and deletes it again.
func (s *Bot) Check(ctx context.Context) []audit.Check {
	ctx, cancel := context.WithTimeout(ctx, deliveryTimeout)
	defer cancel()
	const token = "slack token"
	if err := s.identify(ctx); err != nil {
		return []audit.Check{failedCheck(token, err)}
	}
	checks := []audit.Check{{Name: token, Status: audit.Good, Detail: fmt.Sprintf("the app @%s of the workspace %s",
		s.me.User, s.me.Team)}}
	checks = append(checks, s.checkScopes(s.me.Header.Get("X-OAuth-Scopes")), s.checkChannel(ctx))
	return append(checks, s.checkMessage(ctx))
}

// usedScopes are what the scopes are for. Of a list of alternatives one will do.
var usedScopes = []struct {
	any    []string
	needed bool // without it there is no report
	owners bool // only for messages to owners
	what   string
}{
	{any: []string{"chat:write"}, needed: true, what: "no report can be posted"},
	{any: []string{"files:write"}, needed: true,
		what: "the report's files can't be shared, which counts as not delivered"},
	{any: []string{"channels:history", "groups:history"},
		what: "a message whose answer is lost can't be looked for and may come twice"},
	{any: []string{"metadata.message:read"},
		what: "a message whose answer is lost can't be recognised and may come twice"},
	{any: []string{"users:read.email"}, owners: true, what: "owners can't be found by their e-mail address"},
	{any: []string{"im:write"}, owners: true, what: "owners get no direct messages"},
}

// checkScopes looks at what Slack says that the token may do
// (https://docs.slack.dev/authentication/installing-with-oauth/). granted is a list with commas.
func (s *Bot) checkScopes(granted string) audit.Check {
	c := audit.Check{Name: "slack scopes", Status: audit.Good, Detail: "all that is used"}
	if granted == "" {
		c.Status, c.Detail = audit.Skipped, "Slack does not say which it has granted"
		return c
	}
	have := strings.FieldsFunc(granted, func(r rune) bool { return r == ',' || r == ' ' })
	var missing []string
	for _, scope := range usedScopes {
		if scope.owners && !s.policy.Owners || slices.ContainsFunc(scope.any, func(one string) bool {
			return slices.Contains(have, one)
		}) {
			continue
		}
		missing = append(missing, fmt.Sprintf("%s is missing: %s", strings.Join(scope.any, " or "), scope.what))
		if scope.needed {
			c.Status, c.Code = audit.Failure, audit.Undelivered
		} else if c.Status == audit.Good {
			c.Status = audit.Warning
		}
	}
	if len(missing) > 0 {
		c.Detail, c.Advice = strings.Join(missing, "; "),
			"add it to the app (deploy/slack-app.yaml has them all), and install it again"
	}
	return c
}

// checkChannel looks whether the app is in the channel, which it can tell only with a scope to read there.
func (s *Bot) checkChannel(ctx context.Context) audit.Check {
	const name = "slack channel"
	err := s.withRetries(ctx, "reading "+s.policy.Channel, func() error {
		_, err := s.api.GetConversationHistoryContext(ctx, &slack.GetConversationHistoryParameters{
			ChannelID: s.policy.Channel, Limit: 1})
		return err
	})
	var said slack.SlackErrorResponse
	switch {
	case errors.As(err, &said) && said.Err == "missing_scope":
		return audit.Check{Name: name, Status: audit.Skipped, Detail: "without " + said.Needed +
			" it can't be told whether the app is in " + s.policy.Channel}
	case err != nil:
		return failedCheck(name, err)
	}
	return audit.Check{Name: name, Status: audit.Good, Detail: "the app is in " + s.policy.Channel}
}

// checkMessage posts a message and deletes it.
func (s *Bot) checkMessage(ctx context.Context) audit.Check {
	const name, text = "slack message", "A test by tokensweep doctor, which deletes it at once."
	b := newBuilder(&audit.Report{ID: "doctor"}, "doctor", Options{})
	b.section(text)
	ts := ""
	err := s.withRetries(ctx, "posting a test message to "+s.policy.Channel, func() (err error) {
		ts, err = s.send(ctx, s.policy.Channel, "", b.message(text))
		return err
	})
	if err != nil {
		return failedCheck(name, err)
	}
	err = s.withRetries(ctx, "deleting the test message in "+s.policy.Channel, func() error {
		_, _, err := s.api.DeleteMessageContext(ctx, s.policy.Channel, ts)
		return err
	})
	if err != nil {
		c := failedCheck(name, err)
		c.Status, c.Code, c.Advice = audit.Warning, audit.OK, "delete it by hand"
		return c
	}
	return audit.Check{Name: name, Status: audit.Good, Detail: "posted to " + s.policy.Channel + ", and deleted again"}
}

// Check asks whether the webhook is there. It posts nothing, since a webhook can't delete: it sends an
// empty message, which Slack refuses for having no text.
func (w *Webhook) Check(ctx context.Context) []audit.Check {
	const name = "slack webhook"
	err := w.withRetries(ctx, "asking whether the webhook is there", func() error { return w.send(ctx, Message{}) })
	var said slack.SlackErrorResponse
	if errors.As(err, &said) && slices.Contains([]string{"no_text", "invalid_payload",
		"missing_text_or_fallback_or_attachments"}, said.Err) {
		return []audit.Check{{Name: name, Status: audit.Good, Detail: "it is there; whether its channel takes a " +
			"message shows when one is posted"}}
	}
	if err == nil {
		err = errors.New("an empty message was accepted: this is no webhook of Slack's")
	}
	return []audit.Check{failedCheck(name, err)}
}
