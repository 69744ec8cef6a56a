package audit

import (
	"context"

	"tokensweep/okta"
)

// OneToken reads a token with its owner, without their roles. What could not be read of the owner is said in the
// token's Owner. The error is that of reading the token, or a credential that was refused, or the end of ctx.
func OneToken(ctx context.Context, org *okta.Reader, id string) (okta.Token, error) {
	t, err := org.Token(ctx, id)
	if err != nil {
		return t, err
	}
	if owner, known := t.UserID.Get(); known {
		t.Owner, err = org.Profile(ctx, owner)
	}
	return t, err
}

// Inventory reads every token of an org with its owner, without their roles, and judges nothing. What could not be read
// of an owner is said in the token's Owner. progress, if not nil, is told of what was read. The error is that of the
// listing, or a credential that was refused, or the end of ctx.
func Inventory(ctx context.Context, org *okta.Reader, progress func(pages, tokens int)) (tokens []okta.Token, pages int,
	_ error) {
	owners := newOwnerLookup(ctx, org.Profile)
	defer owners.cancel()
	list := org.List(owners.ctx, okta.ListOptions{})
	err := list.Read(func() func(okta.Token) error {
		tokens = nil
		return func(t okta.Token) error {
			tokens = append(tokens, t)
			owners.request(&t)
			if progress != nil {
				progress(list.Pages, list.Tokens)
			}
			return nil
		}
	})
	if err != nil {
		if refused := owners.stop(); refused != nil {
			return nil, 0, refused
		}
		return nil, 0, err
	}
	if err := owners.wait(); err != nil {
		return nil, 0, err
	}
	for i := range tokens {
		tokens[i].Owner = owners.get(&tokens[i])
	}
	return tokens, list.Pages, nil
}
