package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"tokensweep/audit"
	"tokensweep/notify"
	"tokensweep/okta"
)

func (a *app) tokensCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "tokens",
		Short: "list · get · revoke · quarantine · restore · revoke-current",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.tokensListCommand(), a.tokensGetCommand())
	cmd.AddCommand(a.tokensChangeCommands()...)
	return cmd
}

func (a *app) tokensListCommand() *cobra.Command {
	var out *outputFlags[*notify.Inventory]
	var share float64
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list every token of the org",
		Long: `list shows every API token of the org with the login of its owner, or an error:
never a part of the tokens. An owner that can't be read is shown by the id.`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.listTokens(cmd.Context(), share, out) },
	}
	out = addOutputFlags(cmd, notify.InventoryForms)
	cmd.Flags().Float64Var(&share, "rate-share", okta.DefaultRateShare,
		"`share` of the org's rate limit to use, over 0 and up to 1")
	return cmd
}

func (a *app) listTokens(ctx context.Context, share float64,
	flags *outputFlags[*notify.Inventory]) error {
	if err := checkShare(share); err != nil {
		return err
	}
	out, err := flags.open(a)
	if err != nil {
		return err
	}
	defer out.discard()
	progress := a.newProgress()
	client, err := a.env.client(okta.Options{RateShare: share, Trace: progress.trace, UserAgent: userAgent()},
		okta.Scopes{Needed: []string{okta.ScopeRead}, Optional: []string{okta.ScopeUsers}})
	if err != nil {
		return err
	}
	v := &notify.Inventory{OrgURL: client.OrgURL()}
	v.Tokens, v.Pages, err = audit.Inventory(ctx, client.Reader, progress.listed)
	progress.end()
	if err != nil {
		return ended(err, audit.WhileReading)
	}
	v.At = orgClock(client.Reader)
	if err := out.write(v); err != nil {
		return err
	}
	a.noteOwners(v.Tokens)
	return nil
}

// noteOwners says of how many tokens the owner's login is not known, and why it isn't of the first.
func (a *app) noteOwners(tokens []okta.Token) {
	missing, why := 0, ""
	for i := range tokens {
		if o := tokens[i].Owner; o != nil && o.Unknown != "" {
			missing++
			why = cmp.Or(why, o.Unknown)
		}
	}
	if missing > 0 {
		a.note(fmt.Sprintf("owners shown by their ids, of %s: %s", notify.Count(missing, "token"), why))
	}
}

// orgClock is what the org's clock shows, as far as its answers told.
func orgClock(org *okta.Reader) time.Time {
	offset, _ := org.ClockOffset()
	return time.Now().Add(offset).UTC()
}

func (a *app) tokensGetCommand() *cobra.Command {
	var out *outputFlags[notify.TokenAt]
	cmd := &cobra.Command{
		Use:   "get ID",
		Short: "show one token as Okta has it now, and the login of its owner",
		Args:  oneToken,
		RunE:  func(cmd *cobra.Command, args []string) error { return a.getToken(cmd.Context(), args[0], out) },
	}
	out = addOutputFlags(cmd, notify.TokenForms)
	return cmd
}

func (a *app) getToken(ctx context.Context, id string, flags *outputFlags[notify.TokenAt]) error {
	if err := checkID(id); err != nil {
		return err
	}
	out, err := flags.open(a)
	if err != nil {
		return err
	}
	defer out.discard()
	progress := a.newProgress()
	client, err := a.env.client(okta.Options{Trace: progress.trace, UserAgent: userAgent()},
		okta.Scopes{Needed: []string{okta.ScopeRead}, Optional: []string{okta.ScopeUsers}})
	if err != nil {
		return err
	}
	t, err := audit.OneToken(ctx, client.Reader, id)
	progress.end()
	switch {
	case errors.Is(err, okta.ErrNotFound):
		return noSuchToken(id, client.OrgURL())
	case err != nil:
		return ended(err, audit.WhileReading)
	}
	return out.write(notify.TokenAt{Token: t, At: orgClock(client.Reader)})
}
