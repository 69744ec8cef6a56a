package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// release and revision say what was built: the linker sets them (-ldflags '-X tokensweep/cli.release=…'), from the
// Dockerfile's VERSION and COMMIT.
var release, revision string

func (a *app) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "which version of the program this is",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			return a.print(fmt.Sprintf("tokensweep %s\ncommit     %s\nbuilt with %s for %s/%s\n", version(), commit(),
				runtime.Version(), runtime.GOOS, runtime.GOARCH))
		},
	}
}

// version is the release, or the version of the module that the program was built from.
func version() string {
	if release != "" {
		return release
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" && info.Main.Version != "(devel)" {
		return info.Main.Version
	}
	return "dev"
}

// commit is the commit that the program was built from, as far as its build says.
func commit() string {
	if revision != "" {
		return revision
	}
	commit, changed := "unknown", ""
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				changed = ", and changes"
			}
		}
	}
	return commit + changed
}
