package notify

// Begun reports whether anything of this run was to be posted: an announcement, or a report that the policy wants.
func (s *Slack) Begun() bool { return s.own != nil }

// Begun is that of Slack.
func (w *Webhook) Begun() bool { return w.own != nil }
