package ledger

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
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

// InventoryDraft is a listing that is being written, token by token, beside the one that is in force: held in memory,
// that of a large org would take more than all else. It is made by [Store.DraftInventory].
type InventoryDraft struct {
	d    directory
	file *os.File
	out  *bufio.Writer
	enc  *json.Encoder // to out
	hash hash.Hash
	err  error // the first that went wrong
}

// DraftInventory begins to write a listing. The caller holds the ledger's lock. What goes wrong is told by
// [InventoryDraft.Store]; a draft that is not stored is to be discarded.
func (s Store) DraftInventory() *InventoryDraft {
	w := &InventoryDraft{d: s.directory(), hash: sha256.New()}
	if w.err = w.d.check(); w.err != nil {
		return w
	}
	w.d.discard(func(name string) bool { return strings.HasPrefix(name, "."+inventoryFile+".") }) // what crashes left
	var err error
	if w.file, err = w.d.draft(inventoryFile); err != nil {
		w.err = w.unusable(err)
		return w
	}
	w.out = bufio.NewWriterSize(io.MultiWriter(w.file, w.hash), 1<<16)
	w.enc = json.NewEncoder(w.out)
	return w
}

func (w *InventoryDraft) unusable(err error) error {
	return unusable("writing the listing to "+w.d.path(inventoryFile), err)
}

// Add adds a token.
func (w *InventoryDraft) Add(e InventoryEntry) {
	if w.err != nil {
		return
	}
	e.ExpiresAt = e.ExpiresAt.UTC()
	if err := w.enc.Encode(&e); err != nil {
		w.err = w.unusable(err)
	}
}

// Restart forgets all tokens.
func (w *InventoryDraft) Restart() {
	if w.err != nil {
		return
	}
	w.out.Reset(io.MultiWriter(w.file, w.hash))
	w.hash.Reset()
	if _, err := w.file.Seek(0, io.SeekStart); err != nil {
		w.err = w.unusable(err)
	} else if err := w.file.Truncate(0); err != nil {
		w.err = w.unusable(err)
	}
}

// Discard drops a draft that was not stored.
func (w *InventoryDraft) Discard() {
	if w.file != nil {
		drop(w.file)
	}
}

// Store makes the draft the last complete listing, at once and durably, and returns the digest to record in Listed
// ("sha256:" and hex). inForce is the digest in the last Listed record, "" if there is none: that listing stays
// available to ReadInventory, so that crashes before the new one is recorded lose nothing, however many. The error is
// an ErrUnusable. It is called once.
func (w *InventoryDraft) Store(inForce string) (digest string, err error) {
	if w.err != nil {
		return "", w.err
	}
	if err := w.out.Flush(); err != nil {
		return "", w.unusable(err)
	}
	if err := w.keep(inForce); err != nil {
		return "", unusable("keeping the last listing", err)
	}
	if err := w.d.replace(inventoryFile, w.file); err != nil {
		return "", w.unusable(err)
	}
	w.file = nil
	return "sha256:" + hex.EncodeToString(w.hash.Sum(nil)), nil
}

// keep keeps the listing with this digest, if it is the last one.
func (w *InventoryDraft) keep(inForce string) error {
	current := sha256.New()
	if err := w.d.read(inventoryFile, func(r io.Reader) error {
		_, err := io.Copy(current, r)
		return err
	}); err != nil || "sha256:"+hex.EncodeToString(current.Sum(nil)) != inForce {
		return nil // there is none, or none to keep
	}
	return w.d.keep(inventoryFile, previousInventoryFile)
}

// ReadInventory reads the listing with this digest, which is the last one that was written or the one before it. It
// returns the tokens that are wanted, by id, and how many there are in all. The error is an ErrNoInventory.
func (s Store) ReadInventory(digest string, wanted func(id string) bool) (m map[string]InventoryEntry, all int,
	err error) {
	d := s.directory()
	why := errors.New("it was replaced, or its bytes were changed")
	for _, name := range []string{inventoryFile, previousInventoryFile} {
		hash := sha256.New()
		var m map[string]InventoryEntry
		var wrong error
		err := d.read(name, func(r io.Reader) error {
			r = io.TeeReader(r, hash)
			m, all, wrong = parseInventory(r, wanted)
			_, err := io.Copy(io.Discard, r)
			return err
		})
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			why = err
		case "sha256:"+hex.EncodeToString(hash.Sum(nil)) == digest:
			return m, all, wrong
		}
	}
	return nil, 0, fmt.Errorf("%w: no file in %s has the digest %s: %w", ErrNoInventory, s, digest, why)
}

func parseInventory(r io.Reader, wanted func(id string) bool) (m map[string]InventoryEntry, all int, err error) {
	m = make(map[string]InventoryEntry)
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var e InventoryEntry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil || e.ID == "" {
			return nil, 0, fmt.Errorf("%w: a line of it is no token, so another version wrote it", ErrNoInventory)
		}
		if all++; wanted(e.ID) {
			m[e.ID] = e
		}
	}
	if lines.Err() != nil {
		return nil, 0, fmt.Errorf("%w: %w", ErrNoInventory, lines.Err())
	}
	return m, all, nil
}
