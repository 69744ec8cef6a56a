//go:build darwin || freebsd

package ledger

import "syscall"

// fileSystems are the kinds of file systems that matter, by their names.
var fileSystems = map[string]FileSystem{
	"macfuse": {"FUSE", Nobody}, "osxfuse": {"FUSE", Nobody}, "fusefs": {"FUSE", Nobody},
	"nfs": {"NFS", Servers}, "smbfs": {"SMB", Servers},
}

// fileSystem says what the directory is on. What can't be told is the zero value.
func (d directory) fileSystem() FileSystem {
	var st syscall.Statfs_t
	if syscall.Statfs(string(d), &st) != nil {
		return FileSystem{}
	}
	var name []byte
	for _, c := range st.Fstypename {
		if c == 0 {
			break
		}
		name = append(name, byte(c))
	}
	return fileSystems[string(name)]
}
