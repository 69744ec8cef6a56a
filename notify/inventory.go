package notify

import (
	"bufio"
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"tokensweep/okta"
)

// Inventory is a complete listing of tokens, without any judgement.
type Inventory struct {
	OrgURL string
	// At is the org's clock at the end of the listing.
	At     time.Time
	Pages  int
	Tokens []okta.Token
}

// InventoryText writes an inventory for people.
func InventoryText(w io.Writer, v *Inventory, s Style) error {
	rows := func(yield func(row) bool) {
		for i := range v.Tokens {
			if !yield(row{&v.Tokens[i], v.At}) {
				return
			}
		}
	}
	b, t := bufio.NewWriter(w), newTokenTable(s, rows)
	_, _ = b.WriteString(t.header() + "\n")
	for r := range rows {
		_, _ = b.WriteString(t.line(r) + "\n")
	}
	_, _ = fmt.Fprintf(b, "\n%s of %s on %s, all of them read\n", Count(len(v.Tokens), "token"),
		okta.Printable(v.OrgURL), Count(v.Pages, "page"))
	return b.Flush()
}

// InventoryJSON writes an inventory as one JSON object.
func InventoryJSON(w io.Writer, v *Inventory) error {
	out := struct {
		Schema    int           `json:"schema"`
		Org       string        `json:"org"`
		At        *string       `json:"at"`
		Inventory jsonInventory `json:"inventory"`
		Tokens    []jsonOwned   `json:"tokens"`
	}{1, v.OrgURL, timestamp(v.At), jsonInventory{Tokens: len(v.Tokens), Pages: v.Pages, Complete: true},
		make([]jsonOwned, 0, len(v.Tokens))}
	for i := range v.Tokens {
		out.Tokens = append(out.Tokens, jsonOwned{tokenJSON(&v.Tokens[i]), ownerJSON(v.Tokens[i].Owner)})
	}
	return writeJSON(w, out)
}

// jsonOwned is a token with its owner.
type jsonOwned struct {
	jsonToken
	Owner *jsonOwner `json:"owner"`
}

// inventoryColumns are the columns of an inventory. Roles of owners are not read for it.
var inventoryColumns = slices.Concat(tokenColumns, profileColumns)

func inventoryCells(t *okta.Token, now time.Time) []string {
	return append(tokenCells(t, now), profileCells(t.Owner)...)
}

// InventoryCSV writes an inventory as a table like that of CSV.
func InventoryCSV(w io.Writer, v *Inventory) error {
	return writeCSV(w, inventoryColumns, func(yield func([]string) bool) {
		for i := range v.Tokens {
			if !yield(inventoryCells(&v.Tokens[i], v.At)) {
				return
			}
		}
	})
}

// InventoryMarkdown writes an inventory for a wiki or an issue.
func InventoryMarkdown(w io.Writer, v *Inventory) error {
	var b strings.Builder
	b.WriteString("| " + strings.Join(inventoryColumns, " | ") + " |\n" +
		strings.Repeat("|---", len(inventoryColumns)) + "|\n")
	for i := range v.Tokens {
		cells := inventoryCells(&v.Tokens[i], v.At)
		for j := range cells {
			cells[j] = code(cells[j])
		}
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// TokenText writes all that Okta says of one token, a line each.
func TokenText(w io.Writer, t *okta.Token, now time.Time) error {
	var b strings.Builder
	for _, line := range [][2]string{
		{"id", okta.Printable(t.ID)}, {"name", Words(t.Name)}, {"client", Words(t.ClientName)},
		{"owner", ownerWords(t)},
		{"created", instant(t.Created)}, {"last updated", instant(t.LastUpdated)},
		{"last used", instant(t.LastUsed()) + remark(t.LastUsed(), LastUse(t, now)+
			"; derived: expiresAt less the window")},
		{"window", cell(t.TokenWindow, days)},
		{"Okta ends it", instant(t.ExpiresAt) + remark(t.ExpiresAt, "in "+EndsIn(t, now)+", unless it is used")},
		{"network", cell(t.Network, network)},
	} {
		b.WriteString(line[0] + strings.Repeat(" ", 14-len(line[0])) + line[1] + "\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// ownerWords is the owner of a token: the login with the id, or the id and why there is no login.
func ownerWords(t *okta.Token) string {
	id, o := Words(t.UserID), t.Owner
	if o == nil {
		return id
	}
	if login, known := o.Login.Get(); known && login != "" {
		return okta.Printable(login) + " (" + id + ")"
	}
	return id + " (" + okta.Printable(cmp.Or(o.Unknown, "the login is not known")) + ")"
}

// remark is a remark on a time that is known.
func remark(o okta.Opt[time.Time], remark string) string {
	if _, ok := o.Get(); !ok {
		return ""
	}
	return " (" + remark + ")"
}

// TokenJSON writes all that Okta says of one token as JSON, and of its owner.
func TokenJSON(w io.Writer, t *okta.Token) error {
	return writeJSON(w, jsonOwned{tokenJSON(t), ownerJSON(t.Owner)})
}
