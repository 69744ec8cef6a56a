package cli

import (
	"context"
	"errors"
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
		Long:  "list shows every API token of the org, or an error: never a part of them.",
		Args:  noArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.listTokens(cmd.Context(), share, out) },
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
		okta.Scopes{Needed: []string{okta.ScopeRead}})
	if err != nil {
		return err
	}
	v := &notify.Inventory{OrgURL: client.OrgURL()}
	listing := client.List(ctx, okta.ListOptions{})
	err = listing.Read(func() func(okta.Token) error {
		v.Tokens = nil
		return func(t okta.Token) error {
			v.Tokens = append(v.Tokens, t)
			progress.listed(listing.Pages, listing.Tokens)
			return nil
		}
	})
	progress.end()
	if err != nil {
		return ended(err, audit.WhileReading)
	}
	v.Pages, v.At = listing.Pages, orgClock(client.Reader)
	return out.write(v)
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
		Short: "show one token as Okta has it now",
		Args:  oneToken,
		RunE:  func(cmd *cobra.Command, args []string) error { return a.getToken(cmd.Context(), args[0], out) },
	}
	out = addOutputFlags(cmd, notify.TokenForms)
	return cmd
}

func (a *app) getToken(ctx context.Context, id string, flags *outputFlags[notify.TokenAt]) error {
	if err := okta.CheckTokenID(id); err != nil {
		return usage("%w", err)
	}
	out, err := flags.open(a)
	if err != nil {
		return err
	}
	defer out.discard()
	progress := a.newProgress()
	client, err := a.env.client(okta.Options{Trace: progress.trace, UserAgent: userAgent()},
		okta.Scopes{Needed: []string{okta.ScopeRead}})
	if err != nil {
		return err
	}
	t, err := client.Token(ctx, id)
	progress.end()
	switch {
	case errors.Is(err, okta.ErrNotFound):
		return noSuchToken(id, client.OrgURL())
	case err != nil:
		return ended(err, audit.WhileReading)
	}
	return out.write(notify.TokenAt{Token: t, At: orgClock(client.Reader)})
}
