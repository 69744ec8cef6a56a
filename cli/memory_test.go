package cli_test

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"tokensweep/cli"
)

// The limit that the program sets itself is below that of each pod that is shipped, and what GOMEMLIMIT says wins.
func TestMemoryIsSavedBelowTheLimitOfThePodUnlessGOMEMLIMITSaysOtherwise(t *testing.T) {
	before := debug.SetMemoryLimit(-1)
	t.Cleanup(func() { debug.SetMemoryLimit(before) })
	for name, row := range map[string]struct {
		set     map[string]string
		runtime int64 // what the runtime made of it at the start
		want    int64
	}{
		"not set":  {nil, math.MaxInt64, 160 << 20},
		"empty":    {map[string]string{"GOMEMLIMIT": ""}, math.MaxInt64, 160 << 20},
		"off":      {map[string]string{"GOMEMLIMIT": "off"}, math.MaxInt64, math.MaxInt64},
		"less":     {map[string]string{"GOMEMLIMIT": "64MiB"}, 64 << 20, 64 << 20},
		"more":     {map[string]string{"GOMEMLIMIT": "1GiB"}, 1 << 30, 1 << 30},
		"the same": {map[string]string{"GOMEMLIMIT": "160MiB"}, 160 << 20, 160 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			debug.SetMemoryLimit(row.runtime)
			lookup := func(name string) (string, bool) { value, ok := row.set[name]; return value, ok }
			require.Zero(t, cli.Main([]string{"version"}, lookup, io.Discard, io.Discard))
			require.Equal(t, row.want, debug.SetMemoryLimit(-1))
		})
	}

	limit := regexp.MustCompile(`limits: \{[^}]*memory: (\d+)Mi\b`)
	for _, file := range []string{"cronjob.yaml", "deployment.yaml"} {
		text, err := os.ReadFile(filepath.Join("..", "deploy", "base", file))
		require.NoError(t, err)
		limits := limit.FindAllSubmatch(text, -1)
		require.NotEmpty(t, limits, file)
		for _, m := range limits {
			pod, err := strconv.Atoi(string(m[1]))
			require.NoError(t, err)
			require.Less(t, 160, pod*3/4, "%s: a quarter is for what the limit does not count", file)
		}
	}
}
