package slacktest

import (
	"mime"
	"net/http"
	"net/url"
	"slices"
)

// webhookStatus are the answers to a webhook that are not 400.
var webhookStatus = map[string]int{
	"no_service":          http.StatusNotFound,
	"channel_not_found":   http.StatusNotFound,
	"channel_is_archived": http.StatusGone,
}

func webhookError(err string) answer {
	if status, ok := webhookStatus[err]; ok {
		return text(status, err)
	}
	return text(http.StatusBadRequest, err)
}

// webhook posts what is sent to the incoming webhook. Its answers are plain text without any detail.
func (s *Server) webhook(r *http.Request, body []byte) answer {
	if r.URL.Path != s.webhookPath() {
		return webhookError("no_service")
	}
	if kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); kind == "application/x-www-form-urlencoded" {
		if form, err := url.ParseQuery(string(body)); err == nil && form.Has("payload") {
			body = []byte(form.Get("payload"))
		}
	}
	p, ok := decode(body).(map[string]any)
	if !ok || r.Method != http.MethodPost {
		return webhookError("invalid_payload")
	}
	c := s.find(s.cfg.WebhookChannel)
	switch {
	case c == nil:
		return webhookError("channel_not_found")
	case c.Archived:
		return webhookError("channel_is_archived")
	}
	a := args{m: p, json: true}
	m := s.compose(a)
	m.Webhook = true
	if parent := c.message(a.str("thread_ts")); parent != nil && parent.ThreadTS == "" {
		m.ThreadTS, m.Broadcast = parent.TS, a.bool("reply_broadcast")
	}
	if problems := s.examine(Webhook, c, m, 0); problems != nil {
		known := []string{"no_text", "too_many_attachments", "invalid_blocks", "invalid_blocks_format", "msg_too_long",
			"msg_blocks_too_long"}
		if !slices.Contains(known, problems[0].code) {
			return webhookError("invalid_payload")
		}
		return webhookError(problems[0].code)
	}
	m.Channel, m.TS = c.ID, s.nextTS()
	c.add(m)
	return text(http.StatusOK, "ok")
}
