package discord

import (
	"encoding/json"
	"errors"
	"time"

	"wtvgate/bridge/text"
)

// raw.go: events as the gateway writes them, as far as they are needed. The
// library's own structs come out empty when one field is of a kind that it does
// not know (discord.md 6.3, fault 12).

// loose reads JSON and lets fields of the wrong type be; false for what is no
// JSON, or of another kind altogether.
func loose(data []byte, into any) bool {
	err := json.Unmarshal(data, into)
	var wrong *json.UnmarshalTypeError
	return err == nil || errors.As(err, &wrong) && wrong.Field != ""
}

// author is a user as messages carry it.
type author struct {
	ID         string `json:"id"`
	Username   string `json:"username"`
	GlobalName string `json:"global_name"`
	Bot        bool   `json:"bot"`
	Disc       string `json:"discriminator"`
}

// head is what every message event is judged by.
type head struct {
	ID            string          `json:"id"`
	ChannelID     string          `json:"channel_id"`
	GuildID       string          `json:"guild_id"`
	Type          int             `json:"type"`
	Flags         int             `json:"flags"`
	Content       string          `json:"content"`
	Timestamp     string          `json:"timestamp"`
	EditedAt      *string         `json:"edited_timestamp"`
	Nonce         json.RawMessage `json:"nonce"`
	Author        author          `json:"author"`
	WebhookID     string          `json:"webhook_id"`
	ApplicationID string          `json:"application_id"`
	Reference     struct {
		Type      int    `json:"type"`
		MessageID string `json:"message_id"`
	} `json:"message_reference"`
	Member struct {
		Nick string `json:"nick"`
	} `json:"member"`
}

// nonce is the message's nonce as text.
func (h *head) nonce() string {
	var s string
	_ = json.Unmarshal(h.Nonce, &s) // a number is none of ours
	return s
}

// time is when it was written.
func (h *head) time() time.Time {
	if t, err := time.Parse(time.RFC3339, h.Timestamp); err == nil {
		return t
	}
	return flakeTime(h.ID)
}

// name is what to call the author here.
func (h *head) name() string {
	switch {
	case h.Member.Nick != "":
		return h.Member.Nick
	case h.Author.GlobalName != "":
		return h.Author.GlobalName
	}
	return h.Author.Username
}

// content reads a message for package text. A field of a type that does not fit
// is left out, and all others are kept.
func content(raw []byte) text.DiscordMessage {
	var m text.DiscordMessage
	if json.Unmarshal(raw, &m) == nil {
		return m
	}
	m = text.DiscordMessage{}
	var fields map[string]json.RawMessage
	if json.Unmarshal(raw, &fields) != nil {
		return m
	}
	one := func(key string, value json.RawMessage) {
		field, err := json.Marshal(map[string]json.RawMessage{key: value})
		if err == nil {
			before := m
			if json.Unmarshal(field, &m) != nil {
				m = before
			}
		}
	}
	for key, value := range fields {
		if key != "referenced_message" {
			one(key, value)
		}
	}
	if r, ok := fields["referenced_message"]; ok { // last: it says whether it is there at all
		one("referenced_message", r)
	}
	return m
}

// reaction is MESSAGE_REACTION_ADD.
type reaction struct {
	UserID    string            `json:"user_id"`
	ChannelID string            `json:"channel_id"`
	MessageID string            `json:"message_id"`
	GuildID   string            `json:"guild_id"`
	Emoji     text.DiscordEmoji `json:"emoji"`
	Member    struct {
		Nick string `json:"nick"`
		User author `json:"user"`
	} `json:"member"`
}

// deletion is MESSAGE_DELETE and MESSAGE_DELETE_BULK.
type deletion struct {
	ID        string   `json:"id"`
	IDs       []string `json:"ids"`
	ChannelID string   `json:"channel_id"`
	GuildID   string   `json:"guild_id"`
}

// writing is TYPING_START.
type writing struct {
	ChannelID string `json:"channel_id"`
	GuildID   string `json:"guild_id"`
	UserID    string `json:"user_id"`
}

// seen is PRESENCE_UPDATE, and an entry of GUILD_CREATE.
type seen struct {
	User struct {
		ID string `json:"id"`
	} `json:"user"`
	GuildID string `json:"guild_id"`
	Status  string `json:"status"`
}

// overwrite is a permission overwrite; the numbers come as text.
type overwrite struct {
	ID    string `json:"id"`
	Allow string `json:"allow"`
	Deny  string `json:"deny"`
}

// rawChannel is a channel or a thread.
type rawChannel struct {
	ID         string      `json:"id"`
	Type       int         `json:"type"`
	GuildID    string      `json:"guild_id"`
	Name       string      `json:"name"`
	ParentID   string      `json:"parent_id"`
	Overwrites []overwrite `json:"permission_overwrites"`
}

type rawRole struct {
	ID          string `json:"id"`
	Name        string `json:"name"`
	Permissions string `json:"permissions"`
}

type rawMember struct {
	User author `json:"user"`
	Nick string `json:"nick"`
}

// rawGuild is GUILD_CREATE, GUILD_UPDATE and GUILD_DELETE.
type rawGuild struct {
	ID          string       `json:"id"`
	Name        string       `json:"name"`
	Unavailable bool         `json:"unavailable"`
	Large       bool         `json:"large"`
	Roles       []rawRole    `json:"roles"`
	Channels    []rawChannel `json:"channels"`
	Threads     []rawChannel `json:"threads"`
	Members     []rawMember  `json:"members"`
}

// rawReady is READY.
type rawReady struct {
	User        author `json:"user"`
	Application struct {
		ID    string `json:"id"`
		Flags int64  `json:"flags"`
	} `json:"application"`
	Guilds []struct {
		ID string `json:"id"`
	} `json:"guilds"`
}

// chunk is GUILD_MEMBERS_CHUNK.
type chunk struct {
	GuildID  string      `json:"guild_id"`
	Members  []rawMember `json:"members"`
	NotFound []string    `json:"not_found"`
	Nonce    string      `json:"nonce"`
}
