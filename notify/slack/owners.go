package slack

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/slack-go/slack"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify"
	"tokensweep/notify/outbox"
	"tokensweep/okta"
	"tokensweep/rules"
)

// ownersPerRun is how many owners are told by direct message in one run. The others are listed for the channel.
const ownersPerRun = 20

// recipient is an owner who is to get a direct message.
type recipient struct {
	// Label names them for the channel: an e-mail address, a login or an id.
	Label string
	// User is the id of their account in Slack; "" if they can't be told, for the reason Why.
	User, Why string
	Message   Message
}

const whyDryRun = "a dry run tells nobody"

// owners finds the accounts of the owners about whose tokens there is news, the worst findings first. A dry run
// looks nobody up.
func (s *Bot) owners(ctx context.Context, r *audit.Report, o Options) (out []recipient) {
	if !s.policy.Owners {
		return nil
	}
	asked := make(map[string]bool)
	var broken string // why none can be found
	for _, t := range tokensOf(r) {
		id, _ := t.UserID.Get() // for "" there is no news
		m, news := OwnerMessage(r, id, o)
		if !news || asked[id] {
			continue
		}
		asked[id] = true
		w := recipient{Label: cmp.Or(emailOf(t.Owner), notify.Owner(t)), Message: m}
		switch {
		case r.Mode == rules.DryRun:
			w.Why = whyDryRun
		case broken != "":
			w.Why = broken
		case len(asked) > ownersPerRun:
			w.Why = fmt.Sprintf("more than %d owners in one run", ownersPerRun)
		default:
			var err error
			if w.User, w.Why, err = s.account(ctx, t.Owner); err != nil {
				broken, w.Why = err.Error(), err.Error()
			}
		}
		out = append(out, w)
	}
	return out
}

// tokensOf are the tokens whose owners may be told something: those of findings, and of what was called off.
func tokensOf(r *audit.Report) (all []*okta.Token) {
	for i := range r.Findings {
		all = append(all, r.Findings[i].Token)
	}
	for i := range r.CalledOff {
		all = append(all, &r.CalledOff[i].Token)
	}
	return all
}

// account finds an owner's account in Slack, or says why they have none. The error is one that the next look-up
// would meet as well.
func (s *Bot) account(ctx context.Context, o *okta.Owner) (user, why string, err error) {
	email := emailOf(o)
	if email == "" {
		return "", "their e-mail address is not known", nil
	}
	switch status, known := o.Status.Get(); {
	case !known:
		return "", "their status in Okta is not known", nil
	case status != "ACTIVE":
		return "", "they are " + okta.Printable(status) + " in Okta", nil
	}
	var found *slack.User
	err = s.withRetries(ctx, "looking up an owner", func() (err error) {
		found, err = s.api.GetUserByEmailContext(ctx, email)
		return err
	})
	var said slack.SlackErrorResponse
	switch {
	case errors.As(err, &said) && said.Err == "users_not_found":
		return "", "no account in Slack has their e-mail address", nil
	case err != nil:
		return "", "", err
	case found.ID == "" || !strings.EqualFold(found.Profile.Email, email):
		return "", "Slack answered with an account that has another e-mail address", nil
	case found.Deleted || found.IsBot:
		return "", "their account in Slack is deactivated", nil
	}
	return found.ID, "", nil
}

func emailOf(o *okta.Owner) string {
	if o == nil {
		return ""
	}
	email, _ := o.Email.Get()
	return email
}

// tellOwners sends the direct messages, and then says in the thread who was told and who was not. What can't be
// sent to an owner is no failure of the report.
func (s *Bot) tellOwners(ctx context.Context, p *outbox.Parcel, c *content) error {
	if len(c.Owners) == 0 || has(p, partOwners) {
		return nil
	}
	for i := range c.Owners {
		w := &c.Owners[i]
		if w.User == "" || has(p, w.Message.Part) {
			continue
		}
		where, err := s.tell(ctx, w)
		if ctx.Err() != nil {
			return err
		}
		if err != nil {
			w.Why = err.Error()
			continue
		}
		p.Accepted(w.Message.Part, where)
	}
	return s.reply(ctx, p, c, toldMessage(p.Run, c))
}

// tell sends one direct message. One whose answer is lost may have been sent, and is not sent again.
func (s *Bot) tell(ctx context.Context, w *recipient) (where ledger.Place, err error) {
	var channel, ts string
	err = s.withRetries(ctx, "opening a conversation with an owner", func() error {
		opened, _, _, err := s.api.OpenConversationContext(ctx, &slack.OpenConversationParameters{
			Users: []string{w.User}})
		if err == nil {
			channel = opened.ID
		}
		return err
	})
	if err != nil {
		return where, err
	}
	err = s.withFallback(ctx, "sending a direct message to an owner", w.Message, func(m Message) (err error) {
		ts, err = s.send(ctx, channel, "", m)
		return err
	})
	return placeOf(channel, ts), err
}

// toldMessage says in the thread which owners were told, and which were not and why.
func toldMessage(run string, c *content) Message {
	b := newBuilder(&audit.Report{ID: run, Mode: c.Mode, OrgURL: c.OrgURL}, partOwners, Options{})
	var told, untold []string
	for _, w := range c.Owners {
		switch label := safe(w.Label, 60); {
		case w.Why == whyDryRun:
			untold = append(untold, label)
		case w.Why != "":
			untold = append(untold, label+": "+safe(w.Why, 200))
		default:
			told = append(told, label)
		}
	}
	title := "Owners who were not told"
	if c.Mode == rules.DryRun {
		title = fmt.Sprintf("A dry run tells no owner. An enforcing run would look for the first %d of these in Slack",
			ownersPerRun)
	}
	b.bullets("Owners who were told of their tokens by direct message", some(told, 2500))
	b.bullets(title, some(untold, 2500))
	b.context("run " + safe(run, 60))
	m := b.message(fmt.Sprintf("Owners of tokens on %s: %d told by direct message, %d not.", host(b.run), len(told),
		len(untold)))
	m.Metadata.EventPayload = map[string]any{"schema": 1, "run_id": safe(run, 60), "part": partOwners, "rev": b.rev,
		"told": len(told), "untold": len(untold)}
	return m
}
