package slack

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/slack-go/slack"

	"tokensweep/notify/outbox"
	"tokensweep/okta"
)

// upload shares a file in the thread, unless it is there. It takes three steps: Slack names an address, takes the
// bytes there, and shows the file (https://docs.slack.dev/messaging/working-with-files/#uploading_files). Before the
// last nobody has seen anything of it. After a lost answer to the last it is looked for, and shown once more only if
// it can't be found.
func (s *Bot) upload(ctx context.Context, p *outbox.Parcel, c *content, f File) error {
	if has(p, c.key(f.Name)) {
		return nil
	}
	if p.Doubtful {
		there, err := s.hasFile(ctx, p, c, f)
		if err != nil && !isRefused(err) {
			return err
		}
		if there {
			p.Accepted(c.key(f.Name), s.where(p, parent(p)))
			return nil
		}
	}
	doing := fmt.Sprintf("uploading %s to %s", f.Name, s.channelOf(p))
	var id string
	err := s.again(ctx, func() error {
		return s.withRetries(ctx, doing, func() (err error) {
			id, err = s.hand(ctx, f)
			return err
		})
	})
	if err == nil {
		err = s.show(ctx, p, doing, id, f)
	}
	if err == nil {
		p.Accepted(c.key(f.Name), s.where(p, parent(p)))
	}
	return err
}

// again does what does no harm twice until it is certain how it went.
func (s *Bot) again(ctx context.Context, do func() error) error {
	for n := 1; ; n++ {
		err := do()
		if !mayHaveWorked(err) || n == maxTries || okta.Sleep(ctx, time.Duration(2*n)*s.pause) != nil {
			return err
		}
	}
}

// hand gives Slack the bytes of a file, which nobody sees before show.
func (s *Bot) hand(ctx context.Context, f File) (id string, err error) {
	to, err := s.api.GetUploadURLExternalContext(ctx, slack.GetUploadURLExternalParameters{
		FileName: f.Name, FileSize: len(f.Content),
	})
	if err != nil {
		return "", err
	}
	return to.FileID, s.api.UploadToURL(ctx, slack.UploadToURLParameters{
		UploadURL: to.UploadURL, Reader: bytes.NewReader(f.Content), Filename: f.Name,
	})
}

// show shares in the thread the file with this id.
func (s *Bot) show(ctx context.Context, p *outbox.Parcel, doing, id string, f File) error {
	for again := false; ; again = true {
		err := s.withRetries(ctx, doing, func() error {
			_, err := s.api.CompleteUploadExternalContext(ctx, slack.CompleteUploadExternalParameters{
				Files:   []slack.FileSummary{{ID: id, Title: f.Title}},
				Channel: s.channelOf(p), ThreadTimestamp: parent(p),
			})
			return err
		})
		if !mayHaveWorked(err) {
			return err
		}
		if p.Doubtful = true; again || okta.Sleep(ctx, 2*s.pause) != nil {
			return err
		}
		shown, lookErr := s.filesInThread(ctx, p)
		switch {
		case slices.ContainsFunc(shown, func(have slack.File) bool { return have.ID == id }):
			return nil
		case lookErr != nil && !isRefused(lookErr):
			return err
		}
	}
}

// hasFile reports whether a file of ours is in the thread already. An announcement may have one of the same name there.
func (s *Bot) hasFile(ctx context.Context, p *outbox.Parcel, c *content, f File) (bool, error) {
	want, announced := 1, content{announcement: true}
	if !c.announcement && has(p, announced.key(f.Name)) {
		want = 2
	}
	shown, err := s.filesInThread(ctx, p)
	for _, have := range shown {
		if have.Name == f.Name {
			want--
		}
	}
	return want <= 0, err
}

// filesInThread are the files that we have shared in the thread of a report.
func (s *Bot) filesInThread(ctx context.Context, p *outbox.Parcel) (files []slack.File, err error) {
	err = s.eachMessage(ctx, p, parent(p), func(m *slack.Message) bool {
		if s.isFromUs(m) {
			files = append(files, m.Files...)
		}
		return false
	})
	return files, err
}

// mayHaveWorked reports whether nobody knows if a request had its effect.
func mayHaveWorked(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.MayHavePosted
}
