package text

// components.go: the parts of a bot's message on Discord.

// Types of components (discord.md 7.1).
const (
	componentRow       = 1
	componentButton    = 2
	componentMenu      = 3
	componentSection   = 9
	componentText      = 10
	componentThumbnail = 11
	componentGallery   = 12
	componentFile      = 13
	componentContainer = 17
	// componentMenus is the last of the other kinds of menus, which begin at 5.
	componentMenus = 8
)

// components shows a list of components, each on a line; those of kinds that are
// not known are left out. Budget bounds them all together, and so the nesting.
func (x *DiscordContext) components(all []DiscordComponent, mentions []DiscordUser, budget *int, add func(...Run)) {
	for i := range all {
		if *budget--; *budget < 0 {
			return
		}
		switch c := &all[i]; c.Type {
		case componentContainer:
			x.components(c.Components, mentions, budget, add)
		case componentRow:
			add(x.row(c.Components, mentions, budget)...)
		case componentSection:
			line := x.row(c.Components, mentions, budget)
			if c.Accessory != nil {
				if extra := x.row([]DiscordComponent{*c.Accessory}, mentions, budget); len(extra) > 0 {
					line = append(append(line, Run{Text: " "}), extra...)
				}
			}
			add(line...)
		case componentGallery:
			for _, p := range c.Items[:min(len(c.Items), maxParts)] {
				add(Run{Kind: KindFile, File: &Attachment{Kind: Picture, Name: p.Description, URL: p.Media.URL, Spoiler: p.Spoiler}})
			}
		default:
			add(x.part(c, mentions)...)
		}
	}
}

// row shows components beside each other.
func (x *DiscordContext) row(all []DiscordComponent, mentions []DiscordUser, budget *int) []Run {
	var out []Run
	for i := range all {
		if *budget--; *budget < 0 {
			break
		}
		if p := x.part(&all[i], mentions); len(p) > 0 {
			if len(out) > 0 {
				out = append(out, Run{Text: " "})
			}
			out = append(out, p...)
		}
	}
	return out
}

// part shows one component without others in it; nothing for an unknown one.
func (x *DiscordContext) part(c *DiscordComponent, mentions []DiscordUser) []Run {
	switch {
	case c.Type == componentButton && c.URL != "":
		return []Run{{Kind: KindLink, Text: c.Label, URL: c.URL}}
	case c.Type == componentButton && c.Label != "":
		return []Run{{Text: "[button: " + limited(c.Label, maxFileName) + "]"}}
	case c.Type == componentMenu, c.Type > componentMenu+1 && c.Type <= componentMenus:
		if c.Placeholder == "" {
			return []Run{{Text: "[menu]"}}
		}
		return []Run{{Text: "[menu: " + limited(c.Placeholder, maxFileName) + "]"}}
	case c.Type == componentText:
		return x.markdown(c.Content, mentions)
	case c.Type == componentThumbnail:
		return []Run{{Kind: KindFile, File: &Attachment{Kind: Picture, Name: c.Description, URL: c.Media.URL, Spoiler: c.Spoiler}}}
	case c.Type == componentFile:
		return []Run{{Kind: KindFile, File: &Attachment{Kind: File, Name: c.Name, URL: c.File.URL, Size: c.Size, Spoiler: c.Spoiler}}}
	}
	return nil
}
