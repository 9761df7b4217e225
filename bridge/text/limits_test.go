package text

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// hostile are inputs that grow, nest or repeat.
var hostile = map[string]string{
	"emoji":     strings.Repeat("🏴󠁧󠁢󠁥󠁮󠁧󠁿", MaxInput/28),
	"fires":     strings.Repeat("🔥a", MaxInput/5),
	"scripts":   strings.Repeat("日a", MaxInput/4),
	"stars":     strings.Repeat("*a ", MaxInput/3),
	"pairs":     strings.Repeat("**a", MaxInput/3),
	"mixed":     strings.Repeat("*_~~||**__`", MaxInput/11),
	"brackets":  strings.Repeat("[", MaxInput),
	"links":     strings.Repeat("[a](", MaxInput/4),
	"ticks":     strings.Repeat("` `` ", MaxInput/5),
	"fences":    strings.Repeat("```", MaxInput/3),
	"angles":    strings.Repeat("<@", MaxInput/2),
	"lines":     strings.Repeat("> a\n", MaxInput/4),
	"zalgo":     "a" + strings.Repeat("\u0301", MaxInput/2),
	"joiners":   strings.Repeat("🐱\u200d", MaxInput/7),
	"http":      strings.Repeat("http://", MaxInput/7),
	"tags":      strings.Repeat("<b>", MaxInput/3),
	"lists":     strings.Repeat("<ul><li>", MaxInput/8),
	"quotes":    strings.Repeat("<blockquote>a", MaxInput/13),
	"anchors":   strings.Repeat(`<a href="https://x.org">a`, MaxInput/25),
	"cells":     strings.Repeat("<td>a", MaxInput/5),
	"fallback":  strings.Repeat("> <@a:b> x\n", MaxInput/11),
	"names":     strings.Repeat("@ann ", MaxInput/5),
	"backslash": strings.Repeat(`\`, MaxInput),
	"attribute": "<a " + strings.Repeat("x=1 ", MaxInput/4) + ">a",
}

// TestHostileInput: whatever comes, the work and what comes out are bounded.
func TestHostileInput(t *testing.T) {
	for name, in := range hostile {
		begun := time.Now()
		for _, c := range contents(in + in) {
			checkContent(t, name, c)
		}
		if d := time.Since(begun); d > 20*time.Second {
			t.Errorf("%s took %v", name, d)
		}
	}
}

// contents are a text as each direction reads it.
func contents(s string) []Content {
	return []Content{
		FromMSN(s, s), {Body: s}, FromMatrix(MatrixMessage{Type: "m.text", Body: s, HTML: s, Person: casePerson}),
		FromMatrix(MatrixMessage{Type: "m.text", Body: s, Answers: true}), FromMatrix(MatrixMessage{Type: "m.image", FileName: s, Caption: s}),
		FromDiscord(DiscordMessage{Content: s}, caseContext), Deleted(s), Reacted(s, s, s),
		FromMatrix(MatrixMessage{Poll: &Poll{Question: s, Answers: []string{s}}}),
		NewFold(s, s, Reacter{Name: s, Emoji: s, Event: s}), Answering(Content{Body: s}, NewReply(s, false, Content{Body: s})), Edit(Content{Body: s}),
		corrected(s), finish(Content{Runs: []Run{{Kind: KindFile, File: &Attachment{Kind: Picture, Name: s, URL: s, Ref: s, Type: s}}}}),
	}
}

// corrected is a message that says something else now.
func corrected(s string) Content {
	c, _ := Corrected(Answering(Content{Body: "was"}, NewReply(s, true, Content{Body: s})), FromMatrix(MatrixMessage{Type: "m.text", Body: s, HTML: s, Edit: true}))
	return c
}

// checkContent is what must hold of every message.
func checkContent(t testing.TB, name string, c Content) {
	t.Helper()
	if len(c.Runs) > 2*maxRuns || len(c.Body) > 3*MaxInput && c.Runs != nil {
		t.Fatalf("%s: %d runs, a body of %d bytes", name, len(c.Runs), len(c.Body))
	}
	for _, client := range []Client{FirstGeneration, MSNTV2, PC} {
		sum := 0
		for _, p := range ToMSN(c, Options{Client: client, Lines: -1}) {
			if sum += len(p); len(p) > DefaultLimit || p == "" || sum > 3*maxOutput {
				t.Fatalf("%s: a piece of %d bytes, %d in all", name, len(p), sum)
			}
			if !utf8.ValidString(p) || strings.ContainsAny(strings.ReplaceAll(p, "\r\n", ""), "\r\n\x00\x1b\t\u202e\u200b") {
				t.Fatalf("%s: %q", name, p)
			}
			if client == FirstGeneration {
				if _, err := charmap.Windows1252.NewEncoder().String(p); err != nil {
					t.Fatalf("%s: %q is not Windows-1252: %v", name, p, err)
				}
				if _, err := charmap.ISO8859_1.NewEncoder().String(p); err != nil {
					t.Fatalf("%s: %q is not Latin-1: %v", name, p, err)
				}
			}
		}
	}
	for _, p := range ToDiscord(c) {
		if utf8.RuneCountInString(p) > DiscordLimit || strings.TrimSpace(p) == "" {
			t.Fatalf("%s: %d characters for Discord: %q", name, utf8.RuneCountInString(p), p)
		}
	}
	if body, formatted := ToMatrix(c); len(body) > MaxInput || len(formatted) > maxFormatted+MaxInput {
		t.Fatalf("%s: %d and %d bytes for Matrix", name, len(body), len(formatted))
	}
}

// TestEveryCharacter: there is no character that a box cannot be shown something
// for, or nothing.
func TestEveryCharacter(t *testing.T) {
	encoder := charmap.Windows1252.NewEncoder()
	for c := rune(1); c <= utf8.MaxRune; c++ {
		if !utf8.ValidRune(c) {
			continue
		}
		s := Plain(Content{Body: "|" + string(c) + "b"}, Options{})
		if _, err := encoder.String(s); err != nil || !strings.HasPrefix(s, "|") || !strings.HasSuffix(s, "b") {
			t.Fatalf("U+%04X shows %q (%v)", c, s, err)
		}
	}
}

// TestEveryEmoji: each of the table is a word without blanks.
func TestEveryEmoji(t *testing.T) {
	if n := len(shortcodes()); n < 1800 {
		t.Errorf("%d emoji are known", n)
	}
	for e, name := range shortcodes() {
		s := Plain(Content{Body: e}, Options{})
		if s == "" || strings.Contains(s, " ") || s == unknown || strings.Trim(name, ":") == "" {
			t.Errorf("%q (%+q) shows %q, its name is %q", e, e, s, name)
		}
	}
}

func TestLongInputIsCut(t *testing.T) {
	long := strings.Repeat("ä", MaxInput)
	for i, c := range contents(long) {
		if i != 1 && len(c.Body) > MaxInput+200 {
			t.Errorf("direction %d keeps %d bytes", i, len(c.Body))
		}
		if !utf8.ValidString(c.Body) {
			t.Errorf("direction %d cut a character", i)
		}
	}
	if got := Plain(Content{Body: strings.Repeat("🔥a", MaxInput/5)}, Options{}); len(got) > maxOutput+100 || !strings.HasSuffix(got, " (cut)") {
		t.Errorf("%d bytes, ending %q", len(got), got[len(got)-10:])
	}
}

// TestSplitKeepsLinksAndEscapes: an address goes whole into the next piece, and a
// backslash stays with what it escapes.
func TestSplitKeepsLinksAndEscapes(t *testing.T) {
	link := "https://example.com/" + strings.Repeat("x", 50)
	if got := Split("see "+link+" now", 76); len(got) != 2 || got[0] != "see ..." || got[1] != link+" now" {
		t.Errorf("got %q", got)
	}
	if got := Split("see "+link+" now", 60); len(got) != 2 || !strings.HasPrefix(got[0], "see https://") {
		t.Errorf("an address that fits nowhere: %q", got)
	}
	for _, p := range Split(strings.Repeat(`\*`, 100), 21) {
		if p = strings.TrimSuffix(p, Continued); strings.Count(p, `\`) != strings.Count(p, "*") {
			t.Errorf("an escape was cut: %q", p)
		}
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"hi 😀", "**a** _b_ <@1>", "<b>a</b><br>", "> <@a:b> c\n\nd", "日本 a", "https://x.org/ä", "```a\nb```", "\u202e\u200d\ufe0f", "1\ufe0f\u20e3"} {
		f.Add(s)
	}
	f.Add("<a\xff\x00ance:12355>") // found: a control character in an emoji's name
	for _, c := range loadCases(f) {
		f.Add(c.In)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, c := range contents(s) {
			checkContent(t, s, c)
			data, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			var back Content
			if err := json.Unmarshal(data, &back); err != nil {
				t.Fatal(err)
			}
			if a, b := Plain(c, Options{}), Plain(back, Options{}); a != b && utf8.ValidString(s) {
				t.Fatalf("%q from the store is %q", a, b)
			}
		}
	})
}

// FuzzName: a name for a box is one short line of letters that it has, and stays
// what it is when it is made again.
func FuzzName(f *testing.F) {
	for _, c := range loadCases(f) {
		if c.From == "name" {
			f.Add(c.In)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		n := Name(s)
		if len(n) > maxBoxName || n == "" && s != "" || strings.ContainsFunc(n, unicode.IsControl) || strings.TrimSpace(n) != n && n != s {
			t.Fatalf("%q became %q", s, n)
		}
		if _, err := charmap.Windows1252.NewEncoder().String(n); err != nil {
			t.Fatalf("%q is not Windows-1252: %v", n, err)
		}
	})
}

// FuzzInert: what a box wrote reads on Discord as it was typed, whatever it is.
func FuzzInert(f *testing.F) {
	for _, c := range loadVectors(f).ToDiscord {
		f.Add(c.Input)
	}
	f.Add("a **b** <@111> `c` ||d||\n> e\n1. f")
	f.Add("https://x.org/**a** @everyone")
	f.Add("\u05d4\U000e07e0\u05d4") // found: what is invisible parted a run of a script
	f.Fuzz(func(t *testing.T, s string) {
		in := FromMSN(s, "")
		if len(s) > 1000 || strings.Contains(in.Body, "://") || strings.Contains(s, "ツ") {
			return // addresses are not escaped but percent-encoded
		}
		pieces := ToDiscord(in)
		if len(pieces) != 1 {
			return
		}
		back := FromDiscord(DiscordMessage{Content: pieces[0]}, caseContext)
		want := Plain(in, Options{Emoji: EmojiWords})
		if got := Plain(Content{Body: back.Body}, Options{}); got != want {
			t.Fatalf("%q was sent as %q and reads %q, want %q", s, pieces[0], got, want)
		}
		for _, x := range back.Runs {
			if x.Kind != KindText || x.Style != 0 {
				t.Fatalf("%q became markup: %+v", s, x)
			}
		}
	})
}

func FuzzHTML(f *testing.F) {
	f.Add("<A href=mailto:0>\x10\x00") // found: a link without words
	for _, c := range loadCases(f) {
		if c.From == "html" {
			f.Add(c.In)
		}
	}
	f.Fuzz(func(t *testing.T, s string) {
		c := FromMatrix(MatrixMessage{Type: "m.text", HTML: s, Person: casePerson})
		checkContent(t, s, c)
		// what was made of it is HTML that reads the same
		_, formatted := ToMatrix(c)
		if formatted == "" || strings.ContainsAny(s, "\u00a0\u2028\u2029\u0085\t\r\f\v") {
			return
		}
		again := FromMatrix(MatrixMessage{Type: "m.text", HTML: formatted, Person: casePerson})
		if c.Empty() != again.Empty() {
			t.Fatalf("%q\n%q\n%q", s, formatted, again.Body)
		}
	})
}

func BenchmarkToBox(b *testing.B) {
	for name, c := range map[string]Content{
		"ascii":    {Body: "Hello Alice, are you there? I am watching TV."},
		"emoji":    {Body: "Hello 😀 this is 🔥 and 👩‍💻"},
		"cyrillic": {Body: "Привет, как дела? Я смотрю телевизор."},
		"rich":     FromMatrix(MatrixMessage{Type: "m.text", HTML: `<p>see <a href="https://example.com">this</a> and <b>that</b></p><ul><li>a</li><li>b</li></ul>`}),
		"picture":  finish(Content{Runs: []Run{{Kind: KindFile, File: &Attachment{Kind: Picture, Name: "cat.jpg", URL: "http://192.0.2.7:8465/p/abcdefgh2345"}}}}),
		"reply":    Answering(Content{Body: "see you then"}, NewReply("Bob", false, Content{Body: "shall we meet at eight?"})),
		"long":     {Body: strings.Repeat("a line of words that goes on\n", 100)},
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				ToMSN(c, Options{})
			}
		})
	}
}

func BenchmarkFrom(b *testing.B) {
	b.Run("html", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			FromMatrix(MatrixMessage{Type: "m.text", HTML: `<p>see <a href="https://example.com">this</a> and <b>that</b></p><ul><li>a</li></ul>`})
		}
	})
	b.Run("discord", func(b *testing.B) {
		b.ReportAllocs()
		m := DiscordMessage{Content: "see [this](https://example.com) and **that** <@111>\n- a"}
		for b.Loop() {
			FromDiscord(m, caseContext)
		}
	})
	b.Run("plain", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			FromMatrix(MatrixMessage{Type: "m.text", Body: "Hello Alice, are you there?"})
		}
	})
}

// TestAllocations: a plain line, which nearly all are, costs few.
func TestAllocations(t *testing.T) {
	c := Content{Body: "Hello Alice, are you there? I am watching TV."}
	if n := testing.AllocsPerRun(100, func() { ToMSN(c, Options{}) }); n > 5 {
		t.Errorf("%v allocations for a plain line", n)
	}
}
