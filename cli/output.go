package cli

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tokensweep/notify"
)

// outputFlags say in which form a result is written, and where.
type outputFlags struct {
	format *choice
	file   string
}

// addOutputFlags defines --output, with the first of the forms as its default, and --output-file.
func addOutputFlags(cmd *cobra.Command, forms ...string) *outputFlags {
	f := &outputFlags{format: newChoice(forms[0], forms...)}
	f.format.add(cmd, cmd.Flags(), "output", "form of the result")
	cmd.Flags().StringVar(&f.file, outputFlag[2:], "", "write the result to this `file` instead of standard output")
	return f
}

const outputFlag = "--output-file"

// output is where a result goes.
type output struct {
	form  string
	style notify.Style
	w     io.Writer
	file  *os.File // being written beside target, nil for standard output
	to    string
	files *files
}

// open prepares the output before any work is done, so that a bad place is found out first.
func (f *outputFlags) open(a *app) (*output, error) {
	o := &output{form: f.format.value, w: a.stdout, style: styleOf(a.stdout), to: f.file, files: a.files}
	if f.file == "" {
		return o, nil
	}
	target, err := a.files.regular(outputFlag, f.file)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		var made *fs.PathError // names a temporary file
		if errors.As(err, &made) {
			err = made.Err
		}
		return nil, usage("%s %s: %w", outputFlag, f.file, err)
	}
	o.to = target
	o.file, o.w, o.style = file, file, notify.Style{}
	return o, nil
}

// regular is target for a file that is put in place by renaming, which would replace a device, a pipe or a symbolic
// link by the file: links are followed, and the others refused.
func (f *files) regular(flag, name string) (string, error) {
	target, err := f.target(flag, name)
	if err != nil {
		return "", err
	}
	st, err := os.Stat(name)
	if link, dangling := os.Readlink(name); err != nil && dangling == nil {
		return "", usage("%s %s: not a regular file, but a symbolic link to %s, which is not there", flag, name, link)
	}
	device := slices.ContainsFunc([]string{"/dev/", "/proc/"}, func(dir string) bool {
		return strings.HasPrefix(target, dir) || strings.HasPrefix(filepath.Clean(name), dir)
	})
	if device || (err == nil && !st.Mode().IsRegular()) {
		return "", usage("%s %s: not a regular file", flag, name)
	}
	return target, nil
}

// styleOf fits text to the terminal that w is, if it is one.
func styleOf(w io.Writer) notify.Style {
	f, ok := w.(*os.File)
	if !ok || !term.IsTerminal(int(f.Fd())) {
		return notify.Style{}
	}
	width, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		width = 80
	}
	return notify.Style{Width: width, Color: true}
}

// write renders the result in its form and puts the file in its place.
func (o *output) write(forms map[string]func(io.Writer) error) error {
	if o.file != nil { // more may have been read since it was opened
		if _, err := o.files.target(outputFlag, o.to); err != nil {
			return err
		}
	}
	if err := o.deliver(forms[o.form]); err != nil {
		return undelivered(err)
	}
	return nil
}

func (o *output) deliver(render func(io.Writer) error) error {
	if err := render(o.w); err != nil || o.file == nil {
		return err
	}
	if err := o.file.Chmod(0o600); err != nil { // names of tokens and owners are nobody else's business
		return err
	}
	if err := o.file.Sync(); err != nil {
		return err
	}
	if err := o.file.Close(); err != nil {
		return err
	}
	if err := os.Rename(o.file.Name(), o.to); err != nil {
		return err
	}
	o.file = nil
	return nil
}

// discard removes a file that was not finished.
func (o *output) discard() {
	if o.file != nil {
		_ = o.file.Close()
		_ = os.Remove(o.file.Name())
	}
}
