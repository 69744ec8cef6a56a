package slacktest

import (
	"fmt"
	"net/http"
	"strings"
)

const uploadPath = "/upload/v1/"

func (s *Server) uploadURL(a args) answer {
	name, length := a.str("filename"), a.int("length", 0)
	switch {
	case name == "":
		return refuse("invalid_arguments", reasons("[ERROR] missing required field: filename [json-pointer:/filename]"))
	case length < 1:
		return refuse("invalid_arguments", reasons("[ERROR] must be more than 0 [json-pointer:/length]"))
	case runes(a.str("alt_txt")) > maxAlt:
		return refuse("alt_txt_too_large")
	}
	s.fileN++
	f := &File{ID: fmt.Sprintf("F0FILE%06d", s.fileN), Name: name, Length: length, AltText: a.str("alt_txt"),
		SnippetType: a.str("snippet_type")}
	s.files = append(s.files, f)
	return accept(map[string]any{"upload_url": s.url + uploadPath + f.ID, "file_id": f.ID})
}

func (s *Server) file(id string) *File {
	for _, f := range s.files {
		if f.ID == id {
			return f
		}
	}
	return nil
}

func (s *Server) upload(r *http.Request, body []byte) answer {
	f := s.file(strings.TrimPrefix(r.URL.Path, uploadPath))
	if f == nil || f.Complete {
		return text(http.StatusNotFound, "file_not_found")
	}
	content, err := uploaded(r, body)
	if err != nil || len(content) != f.Length {
		return text(http.StatusBadRequest, "length_mismatch")
	}
	f.Content, f.Uploaded = content, true
	return text(http.StatusOK, fmt.Sprintf("OK - %d", len(content)))
}

func (s *Server) completeUpload(a args) answer {
	items := list(a.object("files"))
	if len(items) == 0 {
		return refuse("invalid_arguments", reasons("[ERROR] missing required field: files [json-pointer:/files]"))
	}
	var files []*File
	var titles []string
	for _, v := range items {
		m, _ := v.(map[string]any)
		id, _ := m["id"].(string)
		title, _ := m["title"].(string)
		f := s.file(id)
		if f == nil || !f.Uploaded || f.Complete {
			return refuse("file_not_found")
		}
		files, titles = append(files, f), append(titles, title)
	}

	var channels []*channel
	for _, name := range strings.FieldsFunc(a.str("channel_id")+","+a.str("channels"), func(r rune) bool {
		return r == ','
	}) {
		c, e := s.target(name)
		if e != "" {
			return refuse(e)
		}
		channels = append(channels, c)
	}
	comment := map[string]any{"unfurl_links": false, "unfurl_media": false}
	if text := a.str("initial_comment"); text != "" {
		comment["text"] = text
	} else if blocks := a.object("blocks"); blocks != nil {
		comment["text"], comment["blocks"] = "files", blocks
	}
	if len(comment) > 2 {
		ch := check(s.cfg.Rules, marshal(comment))
		if len(ch.refused) > 0 {
			return refuseProblems(ch.refused)
		}
		for _, f := range ch.forbidden {
			s.complaints = append(s.complaints, "files.completeUploadExternal: "+f)
		}
	}

	s.share(files, titles, channels, a)
	shown := []any{}
	for _, f := range files {
		shown = append(shown, map[string]any{"id": f.ID, "title": f.Title})
	}
	return accept(map[string]any{"files": shown})
}

// share completes files and posts one message with them all to each channel.
func (s *Server) share(files []*File, titles []string, channels []*channel, a args) {
	for i, f := range files {
		f.Title, f.Complete = titles[i], true
		if f.Title == "" {
			f.Title = f.Name
		}
		f.Comment = a.str("initial_comment")
	}
	for _, c := range channels {
		m := &Message{TS: s.nextTS(), User: s.cfg.BotUserID, BotID: s.cfg.BotID, Text: a.str("initial_comment"),
			Channel: c.ID}
		if l := list(a.object("blocks")); len(l) > 0 && m.Text == "" {
			m.Blocks = marshal(l)
		}
		if parent := c.message(a.str("thread_ts")); parent != nil && parent.ThreadTS == "" {
			m.ThreadTS = parent.TS
		}
		for _, f := range files {
			m.Files = append(m.Files, f.ID)
			f.Channels, f.ThreadTS = append(f.Channels, c.ID), m.ThreadTS
		}
		c.add(m)
	}
}
