package cli_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"tokensweep/rules/schedule"
)

// Nobody wants to be told on a Saturday that something ends on Sunday (swabbie#144): whatever we ship runs on days that
// a working day follows.
func TestWhatIsShippedRunsOnTheEveOfAWorkingDay(t *testing.T) {
	expression := regexp.MustCompile(`(?m)^ *(?:schedule|cron): "?([^"\n#]+[^"\n# ])`)
	found := make(map[string]string)
	look := func(file string) {
		raw, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, match := range expression.FindAllStringSubmatch(string(raw), -1) {
			found[file] = match[1]
		}
	}
	look("../policy.example.yaml")
	require.NoError(t, filepath.WalkDir("../deploy", func(file string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() && filepath.Ext(file) == ".yaml" {
			look(file)
		}
		return err
	}))
	for _, name := range []string{"policy.example.yaml", "deploy/base/cronjob.yaml", "deploy/base/policy.yaml"} {
		require.Contains(t, found, "../"+name)
	}
	for file, cron := range found {
		s, err := schedule.Parse(cron)
		require.NoError(t, err, file)
		at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for range 300 {
			at = s.Next(at)
			require.GreaterOrEqual(t, at.Weekday(), time.Monday, "%s: %s", file, at)
			require.LessOrEqual(t, at.Weekday(), time.Thursday, "%s: %s", file, at)
		}
	}
}
