package discordtest

import (
	"encoding/json"
	"fmt"
	"math"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// Limits of a message (reference 5; Discord's documentation, Message and Embed).
const (
	maxContent    = 2000 // code points
	maxNonce      = 25
	maxEmbeds     = 10
	maxEmbedText  = 6000 // of all embeds together
	maxRows       = 5
	maxButtons    = 5 // in a row
	maxLabel      = 80
	maxCustomID   = 100
	maxAllowedIDs = 100
	maxHookName   = 80
	maxFiles      = 10
	maxFile       = 10 << 20
)

const ephemeral = 64

func invalid(field, code, text string) *failure {
	return &failure{400, 50035, "Invalid Form Body", obj{field: obj{"_errors": []any{obj{"code": code, "message": text}}}}, true}
}

func missing(perm string) *failure {
	return &failure{403, 50013, "Missing Permissions (" + perm + ")", nil, false}
}

func unknown(what string, code int) *failure {
	return &failure{404, code, "Unknown " + what, nil, false}
}

// draft is a message body that was checked.
type draft struct {
	content    string
	embeds     []any
	comps      []any
	flags      int
	nonce      any
	enforce    bool
	allowed    *allowed
	replyTo    string
	mustExist  bool
	files      []Attachment
	username   string
	avatarURL  string
	poll       obj
	hasContent bool
	hasEmbeds  bool
	hasComps   bool
}

// allowed is allowed_mentions.
type allowed struct {
	everyone, allUsers, allRoles, replied bool
	users, roles                          []string
}

// message checks a body as Discord does. what names it in violations.
func (c *call) message(o obj, files []Attachment) (*draft, *failure) {
	d := &draft{mustExist: true, files: files}
	if o == nil {
		return nil, invalid("_root", "BASE_TYPE_REQUIRED", "a JSON object is needed")
	}
	checks := []func(obj) *failure{d.text, d.decorations, d.identity, d.mentions, d.reference, d.bounds}
	for _, check := range checks {
		if f := check(o); f != nil {
			return nil, f
		}
	}
	return d, nil
}

func (d *draft) text(o obj) *failure {
	v, ok := o["content"]
	d.hasContent = ok
	if v == nil {
		return nil
	}
	s, ok := v.(string)
	if !ok {
		return invalid("content", "BASE_TYPE_STRING", "not a string")
	}
	if utf8.RuneCountInString(s) > maxContent {
		return invalid("content", "BASE_TYPE_MAX_LENGTH", "Must be 2000 or fewer in length.")
	}
	d.content = strings.TrimSpace(s)
	return nil
}

func (d *draft) decorations(o obj) *failure {
	var f *failure
	if d.embeds, d.hasEmbeds, f = list(o, "embeds"); f != nil {
		return f
	}
	if d.comps, d.hasComps, f = list(o, "components"); f != nil {
		return f
	}
	if v, ok := o["flags"]; ok && v != nil {
		n, ok := v.(float64)
		if !ok || n != math.Trunc(n) {
			return invalid("flags", "NUMBER_TYPE_COERCE", "not a number")
		}
		d.flags = int(n)
	}
	if f := checkEmbeds(d.embeds); f != nil {
		return f
	}
	if d.poll, _ = o["poll"].(map[string]any); o["poll"] != nil && d.poll == nil {
		return invalid("poll", "DICT_TYPE_CONVERT", "not an object")
	}
	return checkComponents(d.comps)
}

// list reads an optional list; null is an empty one.
func list(o obj, key string) ([]any, bool, *failure) {
	v, ok := o[key]
	if v == nil {
		return nil, ok, nil
	}
	l, isList := v.([]any)
	if !isList {
		return nil, ok, invalid(key, "BASE_TYPE_LIST", "not a list")
	}
	return l, ok, nil
}

func checkEmbeds(embeds []any) *failure {
	if len(embeds) > maxEmbeds {
		return invalid("embeds", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
	}
	total := 0
	for _, e := range embeds {
		o, ok := e.(map[string]any)
		if !ok {
			return invalid("embeds", "DICT_TYPE_CONVERT", "not an object")
		}
		total += runes(o, "title", "description") + runes(sub(o, "footer"), "text") + runes(sub(o, "author"), "name")
		fields, _ := o["fields"].([]any)
		for _, f := range fields {
			fo, _ := f.(map[string]any)
			total += runes(fo, "name", "value")
		}
		if runes(o, "title") > 256 || runes(o, "description") > 4096 || len(fields) > 25 {
			return invalid("embeds", "BASE_TYPE_MAX_LENGTH", "a title, description or list of fields is too long")
		}
	}
	if total > maxEmbedText {
		return invalid("embeds", "MAX_EMBED_SIZE_EXCEEDED", "Embed size exceeds maximum size of 6000")
	}
	return nil
}

func sub(o obj, key string) obj {
	s, _ := o[key].(map[string]any)
	return s
}

func runes(o obj, keys ...string) int {
	n := 0
	for _, k := range keys {
		s, _ := o[k].(string)
		n += utf8.RuneCountInString(s)
	}
	return n
}

// checkComponents checks rows of buttons and menus; other kinds pass.
func checkComponents(rows []any) *failure {
	if len(rows) > maxRows {
		return invalid("components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
	}
	var ids []string
	for i, r := range rows {
		row, _ := r.(map[string]any)
		if row["type"] != float64(1) {
			continue
		}
		inner, _ := row["components"].([]any)
		if len(inner) == 0 || len(inner) > maxButtons {
			return invalid(fmt.Sprintf("components.%d", i), "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length.")
		}
		for _, x := range inner {
			b, _ := x.(map[string]any)
			id, _ := b["custom_id"].(string)
			link := b["type"] == float64(2) && b["style"] == float64(5)
			if runes(b, "label") > maxLabel || runes(b, "custom_id") > maxCustomID || id == "" && !link {
				return invalid(fmt.Sprintf("components.%d", i), "BASE_TYPE_BAD_LENGTH", "a label over 80, or a custom_id missing or over 100")
			}
			if id != "" && slices.Contains(ids, id) {
				return invalid(fmt.Sprintf("components.%d", i), "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated")
			}
			ids = append(ids, id)
		}
	}
	return nil
}

// identity reads nonce, and a webhook's name and picture.
func (d *draft) identity(o obj) *failure {
	switch n := o["nonce"].(type) {
	case nil:
	case string:
		if utf8.RuneCountInString(n) > maxNonce {
			return invalid("nonce", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
		}
		if n != "" { // an empty one names no message
			d.nonce = n
		}
	case float64:
		d.nonce = n
	default:
		return invalid("nonce", "BASE_TYPE_STRING", "neither string nor number")
	}
	d.enforce, _ = o["enforce_nonce"].(bool)
	if v, ok := o["username"]; ok && v != nil {
		s, _ := v.(string)
		if f := hookName("username", s); f != nil {
			return f
		}
		d.username = s
	}
	if v, ok := o["avatar_url"]; ok && v != nil {
		s, _ := v.(string)
		if u, err := url.Parse(s); err != nil || s != "" && (u.Scheme != "http" && u.Scheme != "https" || u.Host == "") {
			return invalid("avatar_url", "URL_TYPE_INVALID_URL", "Not a well formed URL.")
		}
		d.avatarURL = s
	}
	return nil
}

// hookName checks a webhook's name (reference 2).
func hookName(field, s string) *failure {
	low := strings.ToLower(s)
	switch n := utf8.RuneCountInString(strings.TrimSpace(s)); {
	case n < 1 || n > maxHookName:
		return invalid(field, "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 80 in length.")
	case strings.Contains(low, "discord"), strings.Contains(low, "clyde"):
		return invalid(field, "USERNAME_INVALID_CONTAINS", "Username cannot contain \"discord\" or \"clyde\"")
	}
	return nil
}

// mentions reads allowed_mentions; without it everything pings.
func (d *draft) mentions(o obj) *failure {
	v, ok := o["allowed_mentions"]
	if !ok {
		return nil
	}
	a, ok := v.(map[string]any)
	if !ok {
		return invalid("allowed_mentions", "DICT_TYPE_CONVERT", "not an object")
	}
	d.allowed = &allowed{}
	d.allowed.replied, _ = a["replied_user"].(bool)
	if p, ok := a["parse"]; ok {
		kinds, isList := p.([]any)
		if !isList {
			return invalid("allowed_mentions.parse", "BASE_TYPE_LIST", "parse is no list")
		}
		for _, k := range kinds {
			switch k {
			case "everyone":
				d.allowed.everyone = true
			case "users":
				d.allowed.allUsers = true
			case "roles":
				d.allowed.allRoles = true
			default:
				return invalid("allowed_mentions.parse", "BASE_TYPE_CHOICES", "unknown kind")
			}
		}
	}
	var f *failure
	if d.allowed.users, f = ids(a, "users"); f == nil {
		d.allowed.roles, f = ids(a, "roles")
	}
	if f == nil && (d.allowed.allUsers && len(d.allowed.users) > 0 || d.allowed.allRoles && len(d.allowed.roles) > 0) {
		f = invalid("allowed_mentions", "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE", "parse and a list of the same kind are mutually exclusive")
	}
	return f
}

func ids(o obj, key string) ([]string, *failure) {
	l, _, f := list(o, key)
	if f != nil || len(l) > maxAllowedIDs {
		return nil, invalid("allowed_mentions."+key, "BASE_TYPE_LIST", "no list of at most 100")
	}
	var out []string
	for _, v := range l {
		s, ok := v.(string)
		if !ok || s == "" || strings.Trim(s, "0123456789") != "" {
			return nil, invalid("allowed_mentions."+key, "NUMBER_TYPE_COERCE", "not a snowflake")
		}
		out = append(out, s)
	}
	return out, nil
}

func (d *draft) reference(o obj) *failure {
	v, ok := o["message_reference"]
	if !ok || v == nil {
		return nil
	}
	r, ok := v.(map[string]any)
	id, isString := r["message_id"].(string)
	if !ok || !isString {
		return invalid("message_reference", "BASE_TYPE_REQUIRED", "message_id is needed")
	}
	d.replyTo = id
	if must, ok := r["fail_if_not_exists"].(bool); ok {
		d.mustExist = must
	}
	return nil
}

func (d *draft) bounds(obj) *failure {
	if len(d.files) > maxFiles {
		return invalid("attachments", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
	}
	for _, f := range d.files {
		if len(f.Data) > maxFile {
			return &failure{413, 40005, "Request entity too large", nil, true}
		}
	}
	return nil
}

func (d *draft) empty() bool {
	return d.content == "" && len(d.embeds)+len(d.files)+len(d.comps) == 0 && d.poll == nil
}

var tagUser, tagRole = regexp.MustCompile(`<@!?(\d+)>`), regexp.MustCompile(`<@&(\d+)>`)

// ping works out whom a text notifies (reference 4.1): everyone it names, as far
// as allowed lets it. canAll: the author may name everyone and every role.
func (s *Server) ping(m *message, a *allowed, canAll bool) {
	m.mentions, m.mentionRoles, m.pings, m.everyone = nil, nil, nil, false
	var hits []string
	add := func(id string) {
		if u := s.users[id]; u != nil && !slices.Contains(hits, id) {
			hits = append(hits, id)
			m.mentions = append(m.mentions, u)
		}
	}
	for _, t := range tagUser.FindAllStringSubmatch(m.content, -1) {
		if a == nil || a.allUsers || slices.Contains(a.users, t[1]) {
			add(t[1])
		}
	}
	if r := s.messages[m.replyTo]; r != nil && !r.gone && r.author != nil && (a != nil && a.replied || a == nil && !m.suppressedPing) {
		add(r.author.id)
	}
	m.pings = hits
	if m.ch.g == nil {
		return
	}
	for _, t := range tagRole.FindAllStringSubmatch(m.content, -1) {
		if slices.ContainsFunc(m.ch.g.roles, func(r *role) bool { return r.id == t[1] }) && (a == nil || a.allRoles || slices.Contains(a.roles, t[1])) {
			m.mentionRoles = append(m.mentionRoles, t[1])
			m.pings = append(m.pings, "role "+t[1])
		}
	}
	for _, word := range []string{"everyone", "here"} {
		if strings.Contains(m.content, "@"+word) && (a == nil || a.everyone) && canAll {
			m.everyone = true
			m.pings = append(m.pings, word)
		}
	}
}

func jsonNumber(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
