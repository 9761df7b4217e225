package client

import (
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"wtvgate/msnp/wire"
)

// command reads a line of a test.
func command(line string) wire.Command {
	words := strings.Fields(line)
	return wire.Command{Verb: words[0], Args: words[1:]}
}

// feed gives the lines of an answer to SYN; how many were taken is returned.
func feed(d wire.Dialect, asked uint32, lines ...string) (r Roster, taken int, err error) {
	s := &syncing{dialect: d, asked: asked}
	for i, line := range lines {
		last, err := s.take(command(line))
		if last || err != nil {
			return s.roster, i + 1, err
		}
	}
	return s.roster, -1, nil
}

func TestRosterLayouts(t *testing.T) {
	phone := map[string]string{"PHH": "1 (222) 333 4444"}
	tests := []struct {
		name    string
		dialect wire.Dialect
		asked   uint32
		lines   string
		want    Roster
	}{
		{"MSNP2", wire.MSNP2, 0, `SYN 8 12
GTC 8 12 A
BLP 8 12 AL
LST 8 FL 12 1 2 bob@example.net Bob%20Smith
LST 8 FL 12 2 2 coolcat@discord.com coolcat
LST 8 AL 12 1 1 bob@example.net Bob%20Smith
LST 8 BL 12 0 0
LST 8 RL 12 1 1 Bob@Example.NET Bob%20Smith`,
			Roster{Version: 12, Privacy: "AL", Prompt: "A", Contacts: []Contact{{Person: bob, Lists: 11}, {Person: coolcat, Lists: 1}}}},
		{"nobody at all", wire.MSNP4, 0, `SYN 8 1
GTC 8 1 N
BLP 8 1 BL
LST 8 FL 1 0 0
LST 8 AL 1 0 0
LST 8 BL 1 0 0
LST 8 RL 1 0 0`, Roster{Version: 1, Privacy: "BL", Prompt: "N"}},
		{"MSNP5", wire.MSNP5, 3, `SYN 8 12
GTC 8 12 A
BLP 8 12 AL
PRP 8 12 PHH 1
PRP 8 12 PHW
PRP 8 12 PHM
PRP 8 12 MOB N
PRP 8 12 MBE N
LST 8 FL 12 1 1 bob@example.net Bob%20Smith
BPR 12 bob@example.net PHH 1%20(222)%20333%204444
BPR 12 who@example.net PHH 9
LST 8 AL 12 0 0
LST 8 BL 12 0 0
LST 8 RL 12 0 0`, Roster{Version: 12, Privacy: "AL", Prompt: "A", Phones: map[string]string{"PHH": "1", "MOB": "N", "MBE": "N"},
			Contacts: []Contact{{Person: bob, Lists: 1, Phones: phone}}}},
		{"MSNP7", wire.MSNP7, 0, `SYN 8 12
GTC 8 12 A
BLP 8 12 AL
LSG 8 12 1 2 0 Other%20Contacts 0
LSG 8 12 2 2 1 Friends 0
LST 8 FL 12 1 1 bob@example.net Bob%20Smith 0,1
LST 8 AL 12 1 1 bob@example.net Bob%20Smith
LST 8 BL 12 0 0
LST 8 RL 12 0 0`, Roster{Version: 12, Privacy: "AL", Prompt: "A", Groups: []Group{{0, "Other Contacts"}, {1, "Friends"}},
			Contacts: []Contact{{Person: bob, Lists: 3, Groups: []int{0, 1}}}}},
		{"MSNP8", wire.MSNP8, 0, `SYN 8 12 2 2
GTC A
BLP AL
PRP MOB N
LSG 0 Other%20Contacts 0
LSG 1 Friends 0
LST bob@example.net Bob%20Smith 11 0,1
BPR PHH 1%20(222)%20333%204444
LST carol@example.net carol@example.net 4`, Roster{Version: 12, Privacy: "AL", Prompt: "A", Phones: map[string]string{"MOB": "N"},
			Groups: []Group{{0, "Other Contacts"}, {1, "Friends"}}, Contacts: []Contact{{Person: bob, Lists: 11, Groups: []int{0, 1}, Phones: phone},
				{Person: Person{"carol@example.net", "carol@example.net"}, Lists: 4}}}},
		{"MSNP8, nobody", wire.MSNP8, 0, "SYN 8 1 0 1\nGTC A\nBLP AL\nLSG 0 Other%20Contacts 0",
			Roster{Version: 1, Privacy: "AL", Prompt: "A", Groups: []Group{{0, "Other Contacts"}}}},
		{"MSNP8, settings last", wire.MSNP8, 0, "SYN 8 1 0 0\nGTC A\nBLP AL", Roster{Version: 1, Privacy: "AL", Prompt: "A"}},
		{"MSNP8, same", wire.MSNP8, 12, "SYN 8 12", Roster{Version: 12, Same: true}},
		{"MSNP3, same", wire.MSNP3, 12, "SYN 8 12", Roster{Version: 12, Same: true}},
	}
	for _, tt := range tests {
		lines := strings.Split(tt.lines, "\n")
		got, taken, err := feed(tt.dialect, tt.asked, lines...)
		if err != nil || taken != len(lines) || !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%s: took %d of %d lines, %v\n got %+v\nwant %+v", tt.name, taken, len(lines), err, got, tt.want)
		}
	}
}

func TestRosterRefuses(t *testing.T) {
	for _, tt := range []struct {
		dialect wire.Dialect
		lines   string
	}{
		{wire.MSNP7, "SYN 8"}, {wire.MSNP7, "SYN 8 x"}, {wire.MSNP7, "SYN 8 1\nSYN 8 1"},
		{wire.MSNP7, "SYN 8 1\nGTC 8 1"}, {wire.MSNP8, "SYN 8 1 1 1\nBLP"},
		{wire.MSNP8, "SYN 8 1 x 1"}, {wire.MSNP8, "SYN 8 1 1"}, {wire.MSNP8, "SYN 8 1 -1 1"}, {wire.MSNP8, "SYN 8 1 4001 1"},
		{wire.MSNP7, "SYN 8 1\nLSG 8 1 1 1"}, {wire.MSNP8, "SYN 8 1 1 1\nLSG x y 0"}, {wire.MSNP8, "SYN 8 1 1 1\nLSG 0"},
		{wire.MSNP7, "SYN 8 1\nLST 8 FL 1"}, {wire.MSNP7, "SYN 8 1\nLST 8 XX 1 1 1 a a"}, {wire.MSNP7, "SYN 8 1\nLST 8 FL 1 1 1 a"},
		{wire.MSNP8, "SYN 8 1 1 1\nLST a@b.c"}, {wire.MSNP8, "SYN 8 1 1 1\nLST a@b.c A 256"}, {wire.MSNP8, "SYN 8 1 1 1\nLST a@b.c A x"},
	} {
		if _, _, err := feed(tt.dialect, 0, strings.Split(tt.lines, "\n")...); err == nil {
			t.Errorf("%v takes %q", tt.dialect, tt.lines)
		}
	}
	s := &syncing{}
	var err error
	for i := 0; err == nil && i <= maxRoster; i++ {
		err = s.put(Person{Address: strings.Repeat("x", i)}, 1, "")
	}
	if err == nil || len(s.roster.Contacts) != maxRoster {
		t.Errorf("a roster of %d: %v", len(s.roster.Contacts), err)
	}
}

// Phone lines of any shape are read or passed over.
func TestRosterPhones(t *testing.T) {
	for line, want := range map[string]map[string]string{
		"PRP MOB Y":               {"MOB": "Y"},
		"PRP 4 1 PHW 12":          {"PHW": "12"},
		"PRP 1 PHW 12":            {"PHW": "12"}, // Escargot
		"PRP 1 PHW":               nil,
		"PRP 1 XXX 1":             nil,
		"PRP":                     nil,
		"BPR PHH 1":               nil, // nobody to give it to
		"BPR 1 who@b.c PHH 1":     nil,
		"PRP 4 1 PHH 1%2B2":       {"PHH": "1+2"},
		"PRP 4 1 MBE Y and more ": {"MBE": "Y"},
	} {
		s := &syncing{dialect: wire.MSNP7, began: true}
		if _, err := s.take(command(line)); err != nil || !reflect.DeepEqual(s.roster.Phones, want) {
			t.Errorf("%q: %v, %v", line, s.roster.Phones, err)
		}
	}
}

// Lists as two real servers' answers to aMSN, gaim and Twisted were recorded
// (msnp.md 25), with what that server family leaves out.
func TestRecordedRosters(t *testing.T) {
	for name, dialect := range map[string]wire.Dialect{"amsn-msnp7": wire.MSNP7, "gaim-msnp5": wire.MSNP5, "twisted": wire.MSNP8} {
		text, err := os.ReadFile("testdata/captures/" + name + ".log")
		if err != nil {
			t.Fatal(err)
		}
		var lines []string
		for _, line := range strings.Split(string(text), "\n") {
			_, what, ok := strings.Cut(line, " S: ")
			verb, _, _ := strings.Cut(what, " ")
			if ok && slices.Contains([]string{"SYN", "GTC", "BLP", "PRP", "BPR", "LSG", "LST"}, verb) {
				lines = append(lines, what)
			}
		}
		r, taken, err := feed(dialect, 0, lines...)
		if err != nil || taken < 6 {
			t.Fatalf("%s: %d lines, %v", name, taken, err)
		}
		b, ok := r.Find("bob@example.com")
		if !ok || b.Name != "Bob B" || b.Lists != 11 || len(r.Contacts) != 2 || r.Version != 1 || r.Privacy != "AL" {
			t.Errorf("%s: %+v", name, r)
		}
		if wantPhone := name == "amsn-msnp7"; wantPhone != (b.Phones["PHH"] == "123 4567") {
			t.Errorf("%s: phones %v", name, b.Phones)
		}
		if len(r.Groups) != 0 && r.Groups[0].Name != "Other Contacts" || dialect >= wire.MSNP7 && len(r.Groups) != 1 {
			t.Errorf("%s: groups %v", name, r.Groups)
		}
	}
}

// Whatever a server answers, each address is there once and within bounds.
func FuzzRoster(f *testing.F) {
	for _, name := range []string{"msnp3.txt", "msnp6.txt", "msnp8.txt"} {
		text, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		_, lists, _ := strings.Cut(strings.ReplaceAll(string(text), "NS S: ", ""), "NS C: SYN")
		_, lists, _ = strings.Cut(lists, "\n")
		f.Add(lists, name == "msnp8.txt")
	}
	f.Add("SYN 1 1 1 1\nLST a A 1 0,,x,5\nBPR MOB\nPRP", true)
	f.Fuzz(func(t *testing.T, text string, last bool) {
		s := &syncing{dialect: wire.MSNP7}
		if last {
			s.dialect = wire.MSNP8
		}
		r := wire.NewReader(strings.NewReader(text), wire.FromServer)
		for {
			cmd, err := r.Read()
			if err != nil {
				break
			}
			noticeEvent(cmd)
			boardEvent(cmd)
			if !slices.Contains([]string{"SYN", "GTC", "BLP", "PRP", "LSG", "LST"}, cmd.Verb) && !s.loose(cmd.Verb) {
				continue
			}
			if last, err := s.take(cmd); last || err != nil {
				break
			}
		}
		seen := map[string]bool{}
		for _, c := range s.roster.Contacts {
			if seen[c.Address] || c.Address != strings.ToLower(c.Address) {
				t.Errorf("%q is there twice or in capitals", c.Address)
			}
			seen[c.Address] = true
		}
		if len(seen) > maxRoster || len(s.roster.Groups) > maxRoster {
			t.Error("no bounds")
		}
	})
}
