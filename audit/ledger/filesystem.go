package ledger

// Reach says how far a lock on a file system is known to hold.
type Reach int

// The reaches of locks. Most file systems are of one machine alone, and so is the zero value.
const (
	// Machine is a file system that one machine has mounted, or one of which nothing is known.
	Machine Reach = iota
	// Servers is one that many machines mount, and whose locks hold between them unless it is mounted with options
	// (nolock, local_lock, nobrl) that keep them to the machine.
	Servers
	// Nobody is FUSE: whether a lock holds between machines, or at all, is up to a program.
	Nobody
)

// FileSystem is what a state directory is on.
type FileSystem struct {
	// Name is the kind's, for people; "" if it is not one of those that matter.
	Name  string
	Reach Reach
}
