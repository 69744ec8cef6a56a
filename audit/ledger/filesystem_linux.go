package ledger

import "syscall"

// fileSystems are the kinds of file systems that matter, by their magic numbers (statfs(2), linux/magic.h).
var fileSystems = map[uint32]FileSystem{
	0x65735546: {"FUSE", Nobody},
	0x6969:     {"NFS", Servers},
	0x517B:     {"SMB", Servers},
	0xFF534D42: {"CIFS", Servers},
	0xFE534D42: {"SMB2", Servers},
}

// fileSystem says what the directory is on. What can't be told is the zero value.
func (d directory) fileSystem() FileSystem {
	var st syscall.Statfs_t
	if syscall.Statfs(string(d), &st) != nil {
		return FileSystem{}
	}
	// The field's type differs between machines; the magic number has 32 bits.
	return fileSystems[uint32(st.Type)]
}
