package ledger

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strings"
	"time"
)

// The file of the last complete listing, and that of the one before it.
const (
	inventoryFile         = "inventory.jsonl"
	previousInventoryFile = "inventory.previous.jsonl"
)

// ErrNoInventory is a listing that is not there any more, or not as it was written. It is no reason to
// stop: what vanished since that listing can't be named.
var ErrNoInventory = errors.New("the last complete listing is not available")

// InventoryEntry is what is kept of a token in a complete listing, to name it when it has vanished. All
// but ID may be empty. Names are a stranger's text.
type InventoryEntry struct {
	ID     string `json:"id"`
	Name   string `json:"name,omitempty"`
	Client string `json:"client,omitempty"`
	UserID string `json:"userId,omitempty"`
	// ExpiresAt is when Okta ends the token unless it is used; zero if unknown.
	ExpiresAt time.Time `json:"expiresAt,omitzero"`
}

// WriteInventory stores a complete listing, at once and durably, and returns the digest to record in Listed
// ("sha256:" and hex). The caller holds the ledger's lock. inForce is the digest in the last Listed record, "" if
// there is none: that listing stays available to ReadInventory, so that crashes before the new one is recorded lose
// nothing, however many. The error is an ErrUnusable.
func (s Store) WriteInventory(inForce string, entries iter.Seq[InventoryEntry]) (digest string, err error) {
	d := s.directory()
	if err := d.check(); err != nil {
		return "", err
	}
	d.discard(func(name string) bool { return strings.HasPrefix(name, "."+inventoryFile+".") }) // what crashes left
	if current, err := d.get(inventoryFile); err == nil && digestOf(current) == inForce {
		if err := d.keep(inventoryFile, previousInventoryFile); err != nil {
			return "", unusable("keeping the last listing", err)
		}
	}
	err = d.put(inventoryFile, func(w io.Writer) error {
		hash := sha256.New()
		out := bufio.NewWriterSize(io.MultiWriter(w, hash), 1<<16)
		enc := json.NewEncoder(out)
		for e := range entries {
			e.ExpiresAt = e.ExpiresAt.UTC()
			if err := enc.Encode(&e); err != nil {
				return err
			}
		}
		if err := out.Flush(); err != nil {
			return err
		}
		digest = "sha256:" + hex.EncodeToString(hash.Sum(nil))
		return nil
	})
	if err != nil {
		return "", unusable("writing the listing to "+d.path(inventoryFile), err)
	}
	return digest, nil
}

// ReadInventory returns the listing with this digest, by token id. It is the last one that was written or
// the one before it. The error is an ErrNoInventory.
func (s Store) ReadInventory(digest string) (map[string]InventoryEntry, error) {
	d := s.directory()
	why := errors.New("it was replaced, or its bytes were changed")
	for _, name := range []string{inventoryFile, previousInventoryFile} {
		text, err := d.get(name)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				why = err
			}
			continue
		}
		if digest == digestOf(text) {
			return parseInventory(text)
		}
	}
	return nil, fmt.Errorf("%w: no file in %s has the digest %s: %w", ErrNoInventory, s, digest, why)
}

func parseInventory(text []byte) (map[string]InventoryEntry, error) {
	entries := make(map[string]InventoryEntry, bytes.Count(text, []byte{'\n'}))
	for line := range bytes.Lines(text) {
		var e InventoryEntry
		if err := json.Unmarshal(line, &e); err != nil || e.ID == "" {
			return nil, fmt.Errorf("%w: a line of it is no token, so another version wrote it", ErrNoInventory)
		}
		entries[e.ID] = e
	}
	return entries, nil
}
