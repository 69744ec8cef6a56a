// Package ledger keeps the record of what was seen, announced, intended and done to an org's API tokens.
//
// It is files of JSON lines in the state directory, to which lines are only added. Every record is one line.
// [Ledger.Append] writes one, [Ledger.AppendAll] many in one go, and each ends with an fsync: when it returns without
// an error, the records outlive a crash. So an intent that was appended before a request was sent is found by the next
// run, whatever becomes of this one.
//
// # Segments
//
// Lines are added to one file, ledger.jsonl. [Store.Open] seals it when a new month has begun, or when it is long: it
// becomes ledger-N.jsonl, where N is the number of its first record in 20 digits, and never changes again. The new one
// begins with a snapshot of what is in force, in records of the kind "snapshot", which are chained to the records
// before as all are. The first of them names all sealed segments, with their sizes and last hashes. So who opens the
// ledger reads one file, and sees if another is missing, shorter or newer; [Store.Read] reads all, and proves that each
// snapshot is what the records before it give. A [State] forgets what is over; it stays on record.
//
// # A line
//
// A line is one JSON object without spaces. Its first keys are "v" (the version of the format, 1) and
// "seq" (1 for the first line, one more for each); its last two are "prev", the SHA-256 of the line
// before it without its newline (64 zeros for the first), and "sum", the CRC-32C of all bytes of the line
// before `,"sum"`. Fields with their zero value are left out. All but ASCII's printable characters are written
// as escapes, so that a line is safe to show on a terminal. A line is accepted only if rendering its record
// again gives the same bytes: there is no byte of it that may differ.
//
// A field that is unknown, since a newer version wrote it, is passed over and stays where it is. If the record must not
// be read without it, the newer version names it in "crit", a list before "prev". An unknown field below the record's
// own, an unknown name in "crit" and an unknown kind are damage to this version, which says to use the newer one.
//
// # What is found wrong
//
// A last line without a newline is what a crash in mid-write leaves: [Store.Open] sets it aside in a file of
// its own, cuts it off and appends a record that says so. No Append that returned without an error is
// lost by that. Everything else, a flipped bit, a line that is missing, moved or repeated, a record of a
// newer version, is damage: Open refuses with an error that names the place, and changes nothing.
// A ledger that was cut at the end of a line, or replaced by an older copy of itself, is in itself sound;
// only its [Head] tells, which is why every report shows it.
//
// # Who may use it
//
// One process at a time writes: it holds the lock of the directory. [Store.Read] takes no lock and sees what
// was written when it came by. A [Ledger] is for one goroutine at a time.
//
// The caller sees to it that no record contains a secret. The [Store] also holds the emergency brake
// ([Store.SetHalt]), the last complete listing ([Store.DraftInventory]), and the reports that are still to be
// delivered ([Store.WriteParcel]).
package ledger
