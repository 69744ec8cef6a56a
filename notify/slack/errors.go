package slack

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/slack-go/slack"

	"tokensweep/okta"
)

// errorClass says what an error of Slack's means for a message.
type errorClass int

const (
	// classUnknown is a message that may have been posted: nobody knows.
	classUnknown errorClass = iota
	// classRefused is a message that was not posted, and won't be until a person changes something.
	classRefused
	// classMalformed is a message that Slack doesn't understand: a plainer one may do.
	classMalformed
	// classLater is a message that was not posted now.
	classLater
)

// Error is a message that Slack has not accepted for certain. It never holds a secret.
type Error struct {
	// Doing is what was to be done, such as "posting the report to C0SECURITY".
	Doing string
	// Said is what Slack answered, or what became of the connection.
	Said string
	// Advice says what a person can do; "" if there is nothing particular.
	Advice string
	// MayHavePosted says that the message may be there all the same.
	MayHavePosted bool

	class errorClass
	err   error
}

// Error gives what was being done, what came back, and what to do.
func (e *Error) Error() string {
	s := e.Doing + ": " + e.Said
	if e.Advice != "" {
		s += "; " + e.Advice
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.err }

// adviceFor says what to do about the errors that a person must remove
// (https://docs.slack.dev/reference/methods/chat.postMessage#errors).
var adviceFor = map[string]string{
	"not_in_channel": "invite the app into the channel: /invite @tokensweep",
	"channel_not_found": "check notify.slack.channel: it must be the id of a channel that the app " +
		"can see (private ones: invite it)",
	"is_archived":                       "the channel is archived: name another one in notify.slack.channel",
	"invalid_auth":                      "check SLACK_BOT_TOKEN",
	"not_authed":                        "check SLACK_BOT_TOKEN",
	"account_inactive":                  "the app was removed or disabled: install it again",
	"token_revoked":                     "the app's token was revoked: install it again",
	"token_expired":                     "the app's token has expired: install it again",
	"missing_scope":                     "add the scope to the app and install it again",
	"not_allowed_token_type":            "SLACK_BOT_TOKEN must be a bot token, xoxb-…",
	"restricted_action":                 "an administrator of the workspace restricts who may post there",
	"no_permission":                     "an administrator of the workspace restricts what the app may do",
	"ekm_access_denied":                 "an administrator of the workspace restricts what the app may do",
	"team_access_not_granted":           "install the app in this workspace",
	"org_login_required":                "the workspace is being moved: try again when that is done",
	"no_service":                        "the webhook is gone: make a new one",
	"no_active_hooks":                   "the webhook is disabled: make a new one",
	"invalid_token":                     "check SLACK_WEBHOOK_URL",
	"channel_is_archived":               "the channel is archived: make a webhook for another one",
	"posting_to_general_channel_denied": "an administrator of the workspace restricts who may post there",
	"action_prohibited":                 "an administrator of the workspace restricts who may post there",
}

var (
	malformedErrors = []string{
		"invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long", "msg_too_long", "no_text",
		"too_many_attachments",
		"attachment_payload_limit_exceeded", "invalid_arguments", "invalid_payload", "markdown_text_conflict",
		"metadata_too_large",
	}
	laterErrors = []string{"ratelimited", "rate_limited", "message_limit_exceeded", "service_unavailable"}
)

// failureOf makes the error for a message that was not accepted.
func failureOf(doing string, token okta.Secret, err error) *Error {
	e := &Error{Doing: doing, err: err, class: classUnknown}
	var said slack.SlackErrorResponse
	var limited *slack.RateLimitedError
	var status slack.StatusCodeError
	var foreign *foreignError
	switch {
	case errors.As(err, &limited):
		e.Said, e.class = "Slack has too many requests", classLater
	case errors.As(err, &said):
		e.judge(said.Err)
		if said.Needed != "" {
			e.Said += fmt.Sprintf(" (needed: %s)", said.Needed)
		}
	case errors.As(err, &status) && status.Code == http.StatusTooManyRequests:
		e.Said, e.class = "Slack has too many requests", classLater
	case errors.As(err, &status):
		e.Said = fmt.Sprintf("Slack answered %d", status.Code)
	case errors.As(err, &foreign):
		e.Said, e.Advice = foreign.Error(), foreign.advice
	default:
		e.Said = err.Error()
	}
	e.Said = okta.Printable(token.Scrub(e.Said))
	e.MayHavePosted = e.class == classUnknown
	return e
}

// judge reads one of Slack's error words.
func (e *Error) judge(word string) {
	e.Said = word
	advice, permanent := adviceFor[word]
	switch {
	case permanent:
		e.class, e.Advice = classRefused, advice
	case slices.Contains(malformedErrors, word) || strings.HasPrefix(word, "invalid_metadata"):
		e.class = classMalformed
	case slices.Contains(laterErrors, word):
		e.class = classLater
	case word == "fatal_error" || word == "internal_error" || word == "request_timeout":
		e.class = classUnknown
	default:
		e.class = classRefused
	}
}
