package cli

import (
	"context"

	"tokensweep/audit"
	"tokensweep/notify/outbox"
	"tokensweep/notify/webhook"
)

// webhookFor makes the delivery to the webhook that the environment names; nil if it names none.
func (a *app) webhookFor(o outbox.Box) (channel, error) {
	address, err := a.env.optionalSecret("TOKENSWEEP_WEBHOOK_URL")
	if err != nil {
		return nil, err
	}
	key, err := a.env.optionalSecret("TOKENSWEEP_WEBHOOK_SECRET")
	switch {
	case err != nil:
		return nil, err
	case address.IsZero() && !key.IsZero():
		a.logger().Warn("TOKENSWEEP_WEBHOOK_SECRET is set, and TOKENSWEEP_WEBHOOK_URL is not: there is no webhook")
		return nil, nil
	case address.IsZero():
		return nil, nil
	case key.IsZero():
		return nil, usageHint(
			"set TOKENSWEEP_WEBHOOK_SECRET_FILE to a file that holds one; openssl rand -hex 32 makes one",
			"TOKENSWEEP_WEBHOOK_URL is set, and TOKENSWEEP_WEBHOOK_SECRET is not: nobody could tell who sent a report",
		)
	}
	w, err := webhook.New(webhook.Config{URL: address, Secret: key, Outbox: o})
	if err != nil {
		return nil, usage("%w", err)
	}
	return w, nil
}

// checkWebhook looks at the way to the webhook, if there is one.
func (a *app) checkWebhook(ctx context.Context) []audit.Check {
	const name = "webhook"
	w, err := a.webhookFor(outbox.Box{})
	switch {
	case err != nil:
		return []audit.Check{failed(name, err)}
	case w == nil:
		return []audit.Check{{Name: name, Status: audit.Skipped, Detail: "TOKENSWEEP_WEBHOOK_URL is not set"}}
	}
	return w.Check(ctx)
}
