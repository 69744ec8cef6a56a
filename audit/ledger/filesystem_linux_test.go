package ledger

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The magic numbers are those of statfs(2).
func TestFileSystemsAreToldByTheirMagicNumbers(t *testing.T) {
	const fuse, nfs, smb, cifs, smb2, ext4, tmpfs, overlay = 0x65735546, 0x6969, 0x517B, 0xFF534D42, 0xFE534D42, 0xEF53,
		0x01021994, 0x794c7630
	require.Equal(t, Nobody, fileSystems[fuse].Reach)
	for _, magic := range []uint32{nfs, smb, cifs, smb2} {
		require.Equal(t, Servers, fileSystems[magic].Reach, "%x", magic)
		require.NotEmpty(t, fileSystems[magic].Name)
	}
	for _, magic := range []uint32{ext4, tmpfs, overlay} {
		require.Zero(t, fileSystems[magic])
	}
	require.Zero(t, directory("/proc").fileSystem(), "a directory of a kind that does not matter")
	require.Zero(t, directory("/does/not/exist").fileSystem())
}
