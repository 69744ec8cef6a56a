package okta

import (
	"errors"
	"fmt"
)

// proveEnd proves that a first page of several tokens without a link to a next one is the whole list, and not the
// beginning of one whose link was taken away: proxies are known that pass only the first of two Link lines, and Okta's
// first is self. The same list is asked for in pages of one:
//
//   - more than one token: the org doesn't page, and what it gave was all;
//   - one token and a link: links come through, and there was none;
//   - one token and no link: links don't come through.
//
// That an org pages by a size of its own, whatever limit says, and its links don't come through, can't be told from an
// org that doesn't page.
func (l *Listing) proveEnd(tokens int) error {
	one := l.options
	one.Limit = 1
	query, err := one.query()
	if err != nil {
		return err
	}
	came, next, err := l.firstTokens(query)
	switch {
	case err != nil:
		return fmt.Errorf("asking whether the first page is the whole list: %w", err)
	case came > 1, next != "":
		return nil
	case came == 0:
		return fmt.Errorf("asked for all, the org gave %d tokens; asked for one, it gave none: run again", tokens)
	}
	return fmt.Errorf("asked for all, the org gave %d tokens and no link to more; asked for one, it gave one and no "+
		"link to the others: "+
		"something between here and Okta, such as a proxy that keeps one line of each header, takes Link lines away. "+
		"Let it pass all of them, or go around it (NO_PROXY)", tokens)
}

// errEnough ends a page of which nothing else is asked.
var errEnough = errors.New("enough")

// firstTokens reads up to two tokens of the first page of the query, and returns how many came and the link to the next
// page.
func (l *Listing) firstTokens(query string) (came int, next string, err error) {
	tries := l.conn.newRetries(listPath)
	for {
		p := &page{number: 1, query: query, tries: tries}
		next = p.open(l.ctx)
		if p.err != nil {
			p.close()
			return 0, "", p.err
		}
		came = 0
		err = l.decode(p, func(Token) error {
			if came++; came > 1 {
				return &stopped{errEnough}
			}
			return nil
		})
		p.close()
		if err == nil || errors.Is(err, errEnough) {
			return came, next, nil
		}
		if err = tries.wait(l.ctx, err); err != nil {
			return 0, "", err
		}
	}
}
