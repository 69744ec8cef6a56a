package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tokensweep/audit"
	"tokensweep/audit/ledger"
	"tokensweep/notify"
	"tokensweep/okta"
)

// handFlags are the flags of a change that is made by hand.
type handFlags struct {
	policy, reason string
	yes, ownToo    bool
	state          stateFlag
}

// handCommand makes a command that changes one token, or the credential in use.
func (a *app) handCommand(cmd *cobra.Command, change func(context.Context, audit.Hand, string) (audit.Outcome, string,
	error)) *cobra.Command {
	f := &handFlags{}
	a.addPolicy(cmd.Flags(), &f.policy,
		"policy `file`, whose protections and exemptions hold here too")
	cmd.Flags().StringVar(&f.reason, "reason", "", "why, for the record")
	cmd.Flags().BoolVar(&f.yes, "yes", false, "don't ask")
	if cmd.Name() == ledger.StepRevoke || cmd.Name() == ledger.StepQuarantine {
		cmd.Flags().BoolVar(&f.ownToo, "own-token-too", false,
			"also if it may be the token in use, as every token of its owner may")
	}
	f.state.add(cmd, a.env)
	f.state.addAlone(cmd)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		id := ""
		if len(args) > 0 {
			id = args[0]
			if err := checkID(id); err != nil {
				return err
			}
		}
		return a.byHand(cmd.Context(), f, id, cmd.Name(), change)
	}
	return cmd
}

func (a *app) byHand(ctx context.Context, f *handFlags, id, verb string,
	change func(context.Context, audit.Hand, string) (audit.Outcome, string, error)) error {
	if f.reason == "" {
		return usage("say why: --reason")
	}
	policy, err := loadPolicy(f.policy)
	if err != nil {
		return err
	}
	client, err := a.env.client(okta.Options{RateShare: 1, UserAgent: userAgent(), Trace: a.newProgress().trace},
		audit.HandScopes(policy, verb == ledger.StepQuarantine, id != "" && !f.yes))
	if err != nil {
		return err
	}
	if !f.yes {
		if err := a.confirm(ctx, client, verb, id); err != nil {
			return err
		}
	}
	l, err := f.state.openWaiting(ctx, a.note)
	if err != nil {
		return err
	}
	defer func() { _ = l.Close() }()
	log := a.logger()
	h := audit.Hand{Org: client, Policy: policy, Ledger: l, StateAlone: f.state.alone,
		Reason: f.reason, OwnTokenToo: f.ownToo, Tell: a.note, Recorded: func(r ledger.Record) {
			logRecord(log.With("run", r.Run), r)
		}}
	h.Deliver = func(outcome audit.Outcome, reason string) error {
		return a.printChange(outcome, reason, id, l.Head().String())
	}
	_, _, err = change(ctx, h, id)
	return handFailure(err)
}

// note says what else a person should know.
func (a *app) note(text string) {
	_ = a.say(slog.LevelInfo, text)
}

// printChange says what came of a change.
func (a *app) printChange(outcome audit.Outcome, reason, id, head string) error {
	if id == "" {
		id = "the token in use"
	}
	if reason != "" {
		reason = " (" + clean(reason) + ")"
	}
	return a.print(fmt.Sprintf("%s: %s%s\nledger %s\n", id, outcome, reason, head))
}

// handFailure is what the program says of a change by hand that did not go well.
func handFailure(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, okta.ErrNotFound):
		err = fmt.Errorf("there is no such token: %w", err)
	}
	return ended(err, audit.WhileChanging)
}

// confirm shows what is about to be changed, and has a person type its id. Without a terminal it takes --yes.
func (a *app) confirm(ctx context.Context, client *okta.Client, verb, id string) error {
	if !onTerminal() {
		return usage("there is no terminal on which to ask whether this token is meant: add --yes to go on without")
	}
	want := strings.TrimPrefix(client.OrgURL(), "https://")
	if id != "" {
		want = id
		t, err := audit.OneToken(ctx, client.Reader, id)
		if err != nil {
			return handFailure(err)
		}
		show := func(w io.Writer) error { return notify.TokenText(w, &t, orgClock(client.Reader)) }
		if err := a.sayAll("the token that is meant", show); err != nil {
			return undelivered(err)
		}
	}
	return a.confirmTyped(ctx, fmt.Sprintf("about to %s in %s", verb, client.OrgURL()), want)
}

// onTerminal reports whether somebody can be asked.
func onTerminal() bool { return term.IsTerminal(int(os.Stdin.Fd())) }

// confirmTyped says something to a person, who has to type want to go on.
func (a *app) confirmTyped(ctx context.Context, what, want string) error {
	question := fmt.Sprintf("%s: type %s to go on: ", what, want)
	if a.logsJSON() {
		_ = a.say(slog.LevelInfo, strings.TrimSpace(question))
	} else {
		_, _ = io.WriteString(a.stderr, question)
	}
	typed := make(chan string, 1)
	go func() {
		line, _ := bufio.NewReader(os.Stdin).ReadString('\n') // a line that ends early is not what is wanted
		typed <- line
	}()
	select {
	case line := <-typed:
		if strings.TrimSpace(line) == want {
			return nil
		}
	case <-ctx.Done():
	}
	return usage("not confirmed: nothing was changed")
}

func (a *app) tokensChangeCommands() []*cobra.Command {
	return []*cobra.Command{
		a.handCommand(&cobra.Command{
			Use: "revoke ID", Short: "end a token for good", Args: oneToken,
			Long: `revoke ends one token, for good. The guards of a run hold here too: the
policy's protections, exemptions and perDay, and the emergency brake. Only the
delays don't. Every token of the owner of the API token in use is spared, since
it may be that one, unless --own-token-too says that it is meant.`,
		}, func(ctx context.Context, h audit.Hand, id string) (audit.Outcome, string, error) {
			return h.Revoke(ctx, id)
		}),
		a.handCommand(&cobra.Command{
			Use: "quarantine ID", Short: "cut a token off, in a way that can be undone", Args: oneToken,
			Long: `quarantine lets a token be used from the policy's quarantine zone only. What it
could be used from before is on record, and restore puts it back. The guards are
those of tokens revoke.`,
		}, func(ctx context.Context, h audit.Hand, id string) (audit.Outcome, string, error) {
			return h.Quarantine(ctx, id)
		}),
		a.handCommand(&cobra.Command{
			Use: "restore ID", Short: "undo a quarantine", Args: oneToken,
			Long: `restore gives a token the network condition back that it had before its
quarantine. Rules that still match announce their steps anew.`,
		}, func(ctx context.Context, h audit.Hand, id string) (audit.Outcome, string, error) {
			return h.Restore(ctx, id)
		}),
		a.handCommand(&cobra.Command{
			Use: "revoke-current", Short: "end the token in use", Args: noArgs,
			Long: `revoke-current ends the token that this command itself uses: for tokens that
were made for one audit.`,
		}, func(ctx context.Context, h audit.Hand, _ string) (audit.Outcome, string, error) {
			return h.RevokeCurrent(ctx)
		}),
	}
}
