package cli

import (
	"errors"
	"fmt"
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

// outputFlags say in which form a result of type T is written, and where.
type outputFlags[T any] struct {
	*placeFlags
	forms notify.Forms[T]
}

// placeFlags are the values of --output and --output-file.
type placeFlags struct {
	form *choice
	file string
}

const outputFlag = "--output-file"

// addOutputFlags defines --output, with the first of the forms as its default, and --output-file.
func addOutputFlags[T any](cmd *cobra.Command, forms notify.Forms[T]) *outputFlags[T] {
	return &outputFlags[T]{addPlaceFlags(cmd, forms.Names()), forms}
}

// addEitherOutputFlags is addOutputFlags for a command whose other flags say which of two kinds of result it has.
func addEitherOutputFlags[T, U any](cmd *cobra.Command, forms notify.Forms[T], others notify.Forms[U]) (
	*outputFlags[T], *outputFlags[U],
) {
	names := forms.Names()
	for _, name := range others.Names() {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	p := addPlaceFlags(cmd, names)
	return &outputFlags[T]{p, forms}, &outputFlags[U]{p, others}
}

func addPlaceFlags(cmd *cobra.Command, forms []string) *placeFlags {
	p := &placeFlags{form: newChoice(forms[0], forms...)}
	p.form.add(cmd, cmd.Flags(), "output", "o", "form of the result")
	cmd.Flags().StringVar(&p.file, outputFlag[2:], "", "write the result to this `file` instead of standard output")
	return p
}

// chosen is the form that was asked for. ok is false if it is one of the other result's alone.
func (f *outputFlags[T]) chosen() (form notify.Form[T], ok bool) { return f.forms.Find(f.form.value) }

// output is where a result of type T goes, and in which form.
type output[T any] struct {
	form  notify.Form[T]
	style notify.Style
	w     io.Writer
	file  *os.File // being written beside target, nil for standard output
	to    string
	files *files
}

// open prepares the output before any work is done, so that a bad place is found out first.
func (f *outputFlags[T]) open(a *app) (*output[T], error) {
	form, ok := f.chosen()
	if !ok { // it is the other result's
		return nil, usage("--output %s: want one of %s", f.form.value, strings.Join(f.forms.Names(), ", "))
	}
	o := &output[T]{form: form, w: a.stdout, style: styleOf(a.stdout), to: f.file, files: a.files}
	if f.file == "" {
		return o, nil
	}
	target, err := a.files.regular(outputFlag, f.file)
	if err != nil {
		return nil, err
	}
	file, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return nil, usage("%s %s: %w", outputFlag, f.file, cause(err))
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
func (o *output[T]) write(result T) error {
	if o.file != nil { // more may have been read since it was opened
		if _, err := o.files.target(outputFlag, o.to); err != nil {
			return err
		}
	}
	if err := o.deliver(result); err != nil {
		if o.file != nil {
			err = fmt.Errorf("%s %s: %w", outputFlag, o.to, cause(err))
		}
		return undelivered(err)
	}
	return nil
}

func (o *output[T]) deliver(result T) error {
	if err := o.form.Write(o.w, result, o.style); err != nil || o.file == nil {
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
func (o *output[T]) discard() {
	if o.file != nil {
		_ = o.file.Close()
		_ = os.Remove(o.file.Name())
	}
}

// writable finds out whether a file could be put in place at target. It leaves nothing behind.
func writable(target string) error {
	file, err := os.CreateTemp(filepath.Dir(target), "."+filepath.Base(target)+".*")
	if err != nil {
		return cause(err)
	}
	return cause(errors.Join(file.Close(), os.Remove(file.Name())))
}

// cause is what went wrong with a file, without its name, which may be that of a temporary one.
func cause(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
