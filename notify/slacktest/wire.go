package slacktest

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strconv"
	"strings"
)

// answer is what a request is answered: an object, or text where fields is nil.
type answer struct {
	status int
	fields map[string]any
	text   string
	html   bool
}

// refuse makes the answer for an error; each of more adds fields.
func refuse(err string, more ...map[string]any) answer {
	fields := map[string]any{"ok": false, "error": err}
	for _, m := range more {
		for key, v := range m {
			fields[key] = v
		}
	}
	return answer{status: http.StatusOK, fields: fields}
}

func accept(fields map[string]any) answer {
	fields["ok"] = true
	return answer{status: http.StatusOK, fields: fields}
}

func text(status int, s string) answer { return answer{status: status, text: s} }

func reasons(messages ...string) map[string]any {
	return map[string]any{"response_metadata": map[string]any{"messages": messages}}
}

// refuseProblems answers the first kind of problem with all reasons of that kind.
func refuseProblems(problems []problem) answer {
	code := problems[0].code
	var messages, errs []string
	for _, p := range problems {
		if p.code == code {
			messages = append(messages, "[ERROR] "+p.String())
			errs = append(errs, p.String())
		}
	}
	return refuse(code, reasons(messages...), map[string]any{"errors": errs})
}

func (s *Server) missing(scope string) answer {
	return refuse("missing_scope", map[string]any{"needed": scope, "provided": strings.Join(s.cfg.Scopes, ",")})
}

func (a answer) err() string {
	if a.fields == nil {
		if a.status == http.StatusOK {
			return ""
		}
		return a.text
	}
	e, _ := a.fields["error"].(string)
	return e
}

func (a answer) write(w http.ResponseWriter) {
	body, kind := []byte(a.text), "text/plain; charset=utf-8"
	if a.fields != nil {
		kind = "application/json; charset=utf-8"
		var err error
		if body, err = json.Marshal(a.fields); err != nil {
			panic(fmt.Sprintf("slacktest: answer: %v", err)) // made of what was decoded from JSON
		}
	} else if a.html {
		kind = "text/html; charset=utf-8"
	}
	if _, ok := w.Header()["Content-Type"]; !ok {
		w.Header().Set("Content-Type", kind)
	}
	w.WriteHeader(a.status)
	_, _ = w.Write(body)
}

// args are the arguments of a method, in whatever form they came.
type args struct {
	m    map[string]any
	json bool
}

// readArgs reads the query and the body of a request, or says why it cannot.
func readArgs(r *http.Request, body []byte) (args, string) {
	a := args{m: map[string]any{}}
	a.form(r.URL.Query())
	if len(body) == 0 {
		return a, ""
	}
	kind, params, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	switch kind {
	case "application/json":
		a.json = true
		v := decode(body)
		if v == nil {
			return a, "invalid_json"
		}
		m, ok := v.(map[string]any)
		if !ok {
			return a, "json_not_object"
		}
		for key, v := range m {
			a.m[key] = v
		}
	case "application/x-www-form-urlencoded":
		values, err := url.ParseQuery(string(body))
		if err != nil {
			return a, "invalid_form_data"
		}
		a.form(values)
	case "multipart/form-data":
		form, err := multipart.NewReader(strings.NewReader(string(body)), params["boundary"]).ReadForm(maxBody)
		if err != nil {
			return a, "invalid_form_data"
		}
		a.form(form.Value)
	default:
		return a, "invalid_post_type"
	}
	return a, ""
}

func (a args) form(values url.Values) {
	for key, v := range values {
		if len(v) > 0 {
			a.m[key] = v[0]
		}
	}
}

func bearer(r *http.Request, a args) string {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return token
	}
	if a.json {
		return "" // Slack reads no token from a JSON body
	}
	return a.str("token")
}

// str returns an argument as text, "" if there is none.
func (a args) str(key string) string {
	switch v := a.m[key].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	return ""
}

func (a args) bool(key string) bool {
	switch v := a.m[key].(type) {
	case bool:
		return v
	case string:
		b, _ := strconv.ParseBool(v)
		return b
	}
	return false
}

func (a args) int(key string, def int) int {
	if n, err := strconv.Atoi(a.str(key)); err == nil {
		return n
	}
	return def
}

// object is an argument that is JSON, and that may also come as text that holds JSON.
func (a args) object(key string) any {
	if s, ok := a.m[key].(string); ok {
		if s == "" {
			return nil
		}
		if v := decode([]byte(s)); v != nil {
			return v
		}
	}
	return a.m[key]
}

// payload is a message as one JSON object: its arguments with the types they have in JSON, no token.
func (a args) payload() map[string]any {
	m := map[string]any{}
	for key, v := range a.m {
		switch key {
		case "token":
		case "blocks", "attachments", "metadata":
			if v = a.object(key); v != nil {
				m[key] = v
			}
		case "unfurl_links", "unfurl_media", "link_names", "reply_broadcast", "mrkdwn", "as_user":
			m[key] = a.bool(key)
		default:
			m[key] = v
		}
	}
	return m
}

func marshal(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	b := &strings.Builder{}
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(fmt.Sprintf("slacktest: %v", err)) // v was decoded from JSON
	}
	return json.RawMessage(strings.TrimSuffix(b.String(), "\n"))
}

// uploaded returns the bytes of a file, sent as they are or as a part of a form.
func uploaded(r *http.Request, body []byte) ([]byte, error) {
	kind, params, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/form-data" {
		return body, nil
	}
	parts := multipart.NewReader(strings.NewReader(string(body)), params["boundary"])
	for {
		part, err := parts.NextPart()
		if err != nil {
			return nil, err
		}
		if part.FileName() != "" || part.FormName() == "file" {
			return io.ReadAll(part)
		}
	}
}
