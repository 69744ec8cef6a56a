package cli

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tokensweep/audit/ledger"
)

// fileUse is what a command does with the file or the directory that a flag names.
type fileUse int

const (
	reads fileUse = iota
	keeps         // a state directory: nothing but the ledger writes there
	writes
)

// fileFlags are the flags that name a file or a directory, of whichever command. A test says that there is no other.
var fileFlags = map[string]fileUse{
	"policy": reads, "state": keeps, "output-file": writes, "summary-file": writes, "metrics-file": writes,
	"slack-out": writes,
}

// files are those that a command reads, keeps and writes. None is two of these: a report on the place of the ledger
// would end all that it knows. Every writer gets its path from target.
type files struct {
	read, written []namedFile
	kept          []string
}

// namedFile is a path and what it is.
type namedFile struct{ what, path string }

// checkFiles takes in what a command names, and refuses outputs onto any of it, before anything is done.
func (a *app) checkFiles(cmd *cobra.Command) error {
	a.files = a.filesOf(cmd)
	for _, w := range a.files.written {
		if _, err := a.files.target(w.what, w.path); err != nil {
			if w.what == summaryFlag {
				a.summary.file = ""
			}
			return err
		}
	}
	return a.checkStreams()
}

// checkPlaces refuses the names of a policy and a state directory from the environment that have something around them.
func (a *app) checkPlaces(cmd *cobra.Command) error {
	for _, place := range []struct{ flag, variable string }{
		{"policy", "TOKENSWEEP_POLICY"}, {"state", "TOKENSWEEP_STATE"},
	} {
		if f := cmd.Flags().Lookup(place.flag); f == nil || f.Changed {
			continue
		}
		if _, err := a.env.read(place.variable); err != nil {
			return err
		}
	}
	return nil
}

// filesOf are the files that the flags, the arguments and the environment name.
func (a *app) filesOf(cmd *cobra.Command) *files {
	f := &files{}
	f.reads("the policy", a.policyFile())
	if dir := a.env.get("TOKENSWEEP_STATE"); dir != "" {
		f.kept = append(f.kept, dir)
	}
	cmd.Flags().VisitAll(func(flag *pflag.Flag) {
		path := flag.Value.String()
		switch use, ok := fileFlags[flag.Name]; {
		case !ok || path == "":
		case use == reads:
			f.reads("the "+flag.Name, path)
		case use == keeps:
			f.kept = append(f.kept, path)
		case use == writes:
			f.written = append(f.written, namedFile{"--" + flag.Name, path})
		}
	})
	for _, arg := range cmd.Flags().Args() {
		f.reads("the argument "+arg, arg)
	}
	for _, name := range fileVariables() {
		if path := a.env.get(name); path != "" {
			f.reads("the file that "+name+" names", path)
		}
	}
	if program, err := os.Executable(); err == nil {
		f.reads("the program", program)
	}
	return f
}

// reads takes in one more file that is read.
func (f *files) reads(what, path string) { f.read = append(f.read, namedFile{what, path}) }

// target returns where the file that a flag names is, or would be, with all links followed. It refuses what the command
// reads or keeps, or writes besides. A directory that has a ledger in it is a state directory, whoever's.
func (f *files) target(flag, name string) (string, error) {
	target := resolve(name)
	kept := slices.Clone(f.kept)
	for dir, up := "", target; dir != up; dir, up = up, filepath.Dir(up) {
		if ledger.InDirectory(up).HasLedger() {
			kept = append(kept, up)
		}
	}
	for _, dir := range kept {
		if where := resolve(dir); same(target, where) || within(target, where) || linked(where, target) {
			return "", usage("%s %s: that is in the state directory %s, where nothing but the ledger may write: name "+
				"another place", flag, name, dir)
		}
	}
	for _, r := range f.read {
		if same(target, resolve(r.path)) {
			return "", usage("%s %s: that is %s, which is read: name another file", flag, name, r.what)
		}
	}
	for _, w := range f.written {
		if w.what != flag && same(target, resolve(w.path)) {
			return "", usage("%s %s: that is where %s goes: name another file", flag, name, w.what)
		}
	}
	return target, nil
}

// checkStreams refuses standard output and standard error that go into a state directory. Where a complaint would go
// there too, nothing is said.
func (a *app) checkStreams() error {
	for _, s := range []struct {
		what string
		w    *io.Writer
	}{{"standard error", &a.stderr}, {"standard output", &a.stdout}} {
		file, ok := (*s.w).(*os.File)
		if !ok {
			continue
		}
		info, err := file.Stat()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		for _, dir := range a.files.kept {
			if holds(dir, info) {
				*s.w = io.Discard
				return usage("%s goes into the state directory %s, where nothing but the ledger may write: name "+
					"another place", s.what, dir)
			}
		}
	}
	return nil
}

// maxLinks is how many links that lead to nothing are followed.
const maxLinks = 40

// resolve returns the path to which name leads, through all links. What is not there is taken as it is written.
func resolve(name string) string {
	if !filepath.IsAbs(name) {
		if dir, err := os.Getwd(); err == nil {
			name = dir + "/" + name // not cleaned: what is above a link is not what is before it
		}
	}
	return follow(name, maxLinks)
}

func follow(name string, links int) string {
	if real, err := filepath.EvalSymlinks(name); err == nil {
		return real
	}
	dir, base := filepath.Split(strings.TrimRight(name, "/"))
	if link, err := os.Readlink(name); err == nil && links > 0 {
		if !filepath.IsAbs(link) {
			link = dir + link
		}
		return follow(link, links-1)
	}
	if dir == "" || base == "" {
		return filepath.Clean(name)
	}
	return filepath.Join(follow(dir, links), base)
}

// same reports whether two resolved paths lead to the same place. Of what isn't there the names are compared, without
// regard to capitals: not every file system knows them.
func same(one, two string) bool {
	a, missing := os.Stat(one)
	b, absent := os.Stat(two)
	switch {
	case missing == nil && absent == nil:
		return os.SameFile(a, b)
	case missing == nil || absent == nil:
		return false
	case one == filepath.Dir(one) || two == filepath.Dir(two):
		return one == two
	}
	return strings.EqualFold(filepath.Base(one), filepath.Base(two)) && same(filepath.Dir(one), filepath.Dir(two))
}

// within reports whether a resolved path leads into a directory.
func within(path, dir string) bool {
	for up := filepath.Dir(path); up != path; path, up = up, filepath.Dir(up) {
		if same(up, dir) {
			return true
		}
	}
	return false
}

// linked reports whether what is at path is a file of the directory too: a hard link may be anywhere.
func linked(dir, path string) bool {
	info, err := os.Stat(path)
	return err == nil && holds(dir, info)
}

func holds(dir string, file fs.FileInfo) bool {
	entries, _ := os.ReadDir(dir) // one that can't be read holds nothing that is found there
	for _, e := range entries {
		if info, err := e.Info(); err == nil && os.SameFile(info, file) {
			return true
		}
	}
	return false
}
