package text

// discord.go: a Discord message as its API writes it, as far as text needs it
// (discord.md 8, "message"). Unknown fields are ignored, and everything may be
// missing.

// DiscordMessage is a message, a message's update, or a forwarded one.
type DiscordMessage struct {
	ID            string              `json:"id"`
	Type          int                 `json:"type"`
	Content       string              `json:"content"`
	Author        DiscordUser         `json:"author"`
	Member        *DiscordMember      `json:"member"`
	Mentions      []DiscordUser       `json:"mentions"`
	Attachments   []DiscordAttachment `json:"attachments"`
	Embeds        []DiscordEmbed      `json:"embeds"`
	Stickers      []DiscordNamed      `json:"sticker_items"`
	Components    []DiscordComponent  `json:"components"`
	Poll          *DiscordPoll        `json:"poll"`
	Flags         int                 `json:"flags"`
	WebhookID     string              `json:"webhook_id"`
	ApplicationID string              `json:"application_id"`
	EditedAt      *string             `json:"edited_timestamp"`
	Reference     *DiscordReference   `json:"message_reference"`
	// Referenced is the message that a reply answers. A JSON null is a deleted
	// one, which encoding/json cannot tell from a missing one: see Deleted.
	Referenced *DiscordMessage `json:"referenced_message"`
	// Deleted: the message has a referenced_message that is null.
	Deleted   bool              `json:"-"`
	Snapshots []DiscordSnapshot `json:"message_snapshots"`
}

// DiscordUser is who wrote or is mentioned. Mentions carry the member.
type DiscordUser struct {
	ID         string         `json:"id"`
	Username   string         `json:"username"`
	GlobalName string         `json:"global_name"`
	Bot        bool           `json:"bot"`
	Member     *DiscordMember `json:"member"`
}

// DiscordMember is somebody within a guild.
type DiscordMember struct {
	Nick string `json:"nick"`
}

// name is how people call a user: nick, display name, user name.
func (u *DiscordUser) name() string {
	switch {
	case u.Member != nil && u.Member.Nick != "":
		return u.Member.Nick
	case u.GlobalName != "":
		return u.GlobalName
	}
	return u.Username
}

// DiscordNamed is a thing with a name.
type DiscordNamed struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// DiscordReference points at another message.
type DiscordReference struct {
	Type      int    `json:"type"`
	MessageID string `json:"message_id"`
}

// DiscordSnapshot is a forwarded message.
type DiscordSnapshot struct {
	Message DiscordMessage `json:"message"`
}

// DiscordAttachment is a file.
type DiscordAttachment struct {
	Filename    string  `json:"filename"`
	Description string  `json:"description"`
	ContentType string  `json:"content_type"`
	Size        int64   `json:"size"`
	URL         string  `json:"url"`
	Seconds     float64 `json:"duration_secs"`
}

// DiscordEmbed is a box under a message: a preview or a bot's own.
type DiscordEmbed struct {
	Type        string `json:"type"`
	Title       string `json:"title"`
	URL         string `json:"url"`
	Description string `json:"description"`
	Author      struct {
		Name string `json:"name"`
	} `json:"author"`
	Fields []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"fields"`
	Image struct {
		URL string `json:"url"`
	} `json:"image"`
}

// DiscordComponent is a part of a bot's message.
type DiscordComponent struct {
	Type        int                `json:"type"`
	Label       string             `json:"label"`
	URL         string             `json:"url"`
	Content     string             `json:"content"`
	Placeholder string             `json:"placeholder"`
	Components  []DiscordComponent `json:"components"`
	Accessory   *DiscordComponent  `json:"accessory"`
	Description string             `json:"description"`
	Spoiler     bool               `json:"spoiler"`
	Media       DiscordMedia       `json:"media"`
	File        DiscordMedia       `json:"file"`
	Name        string             `json:"name"`
	Size        int64              `json:"size"`
	Items       []struct {
		Media       DiscordMedia `json:"media"`
		Description string       `json:"description"`
		Spoiler     bool         `json:"spoiler"`
	} `json:"items"`
}

// DiscordMedia is where a picture is.
type DiscordMedia struct {
	URL string `json:"url"`
}

// DiscordPoll is a question with answers.
type DiscordPoll struct {
	Question struct {
		Text string `json:"text"`
	} `json:"question"`
	Answers []struct {
		Media struct {
			Text  string       `json:"text"`
			Emoji DiscordEmoji `json:"emoji"`
		} `json:"poll_media"`
	} `json:"answers"`
	Several bool `json:"allow_multiselect"`
}

// DiscordEmoji is an emoji: a character, or with an id a guild's own.
type DiscordEmoji struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// DiscordContext is what has to be known to read a message.
type DiscordContext struct {
	Bot           DiscordNamed // our own user
	ApplicationID string
	Webhooks      []string                // ids of ours
	Account       string                  // whose box reads it
	RelayBots     bool                    // messages of other bots are shown too
	Users         map[string]string       // names by id, for those a message does not carry
	Roles         map[string]string       // names by id
	Channels      map[string]string       // names by id
	Own           map[string]DiscordOwned // messages that boxes wrote, by id
}

// DiscordOwned is a message that an account of ours wrote.
type DiscordOwned struct {
	Account string
	Text    string
}
