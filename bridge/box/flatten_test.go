package box

import (
	"testing"

	"wtvgate/bridge"
	"wtvgate/msnp/server"
	"wtvgate/msnp/wire"
)

var (
	boxCVR = server.CVR{OS: "webtv", Library: "msntvim", Version: "2.8", Client: "msntv"}
	pcCVR  = server.CVR{OS: "win", Library: "MSMSGS", Version: "4.5.0127", Client: "MSMSGS"}
)

// TestFlattening: who is shown states, by client and setting. bob is busy on his
// network, carol on the phone at a PC, dora idle.
func TestFlattening(t *testing.T) {
	for _, c := range []struct {
		name   string
		client server.Client
		byBox  bool
		box    bool // a first-generation box
	}{
		{"came through messengerlogin", server.Client{Dialect: wire.MSNP8}, true, true},
		{"came through messengerlogin with a PC's CVR", server.Client{Dialect: wire.MSNP8, CVR: pcCVR}, true, true},
		{"firmware 2.8 with a password", server.Client{Dialect: wire.MSNP6, CVR: boxCVR}, false, true},
		{"CVR with the os alone", server.Client{Dialect: wire.MSNP8, CVR: server.CVR{OS: "WebTV"}}, false, true},
		{"CVR with the library alone", server.Client{Dialect: wire.MSNP8, CVR: server.CVR{Library: "msntvim"}}, false, true},
		{"CVR with the client alone", server.Client{Dialect: wire.MSNP8, CVR: server.CVR{Client: "msntv"}}, false, true},
		{"Viewer: MSNP3 without CVR", server.Client{Dialect: wire.MSNP3}, false, true},
		{"PC client of MSNP3", server.Client{Dialect: wire.MSNP3, CVR: pcCVR}, false, false},
		{"PC client of MSNP2, which may send no CVR", server.Client{Dialect: wire.MSNP2}, false, false},
		{"PC client of MSNP7", server.Client{Dialect: wire.MSNP7, CVR: pcCVR}, false, false},
		{"library at MSNP8 without CVR", server.Client{Dialect: wire.MSNP8}, false, false},
	} {
		for setting, flat := range map[Flatten]bool{
			FlattenFirstGeneration: c.box, FlattenEveryone: true, FlattenNobody: false,
		} {
			t.Run(c.name+", "+string(setting), func(t *testing.T) {
				onStage(t, setting, func(s *stage) {
					s.becomes("bob", bridge.PresenceBusy)
					s.visible("carol", wire.Phone)
					d := s.visible("dora", wire.Idle)
					a := s.enter("alice", c.client, c.byBox)
					for _, peer := range []string{bob, carolAddr, doraAddr} {
						a.edit("ADD FL " + peer)
					}
					want := map[string]string{bob: "BSY", carolAddr: "PHN", doraAddr: "IDL"}
					initial := a.status(wire.Online)
					if len(initial) != 3 {
						t.Errorf("the initial burst is %q", initial)
					}
					for _, p := range initial {
						st := want[p[4:]]
						if flat {
							st = "NLN"
						}
						if p[:3] != st {
							t.Errorf("alice sees %s, want %s", p, st)
						}
					}
					a.told()
					d.edit("CHG BRB")
					d.edit("CHG LUN")
					d.edit("CHG HDN")
					if flat {
						a.tells("FLN " + doraAddr)
					} else if got := a.told(); got[len(got)-1] != "FLN "+doraAddr {
						t.Errorf("alice was told %q", got)
					}
				})
			})
		}
	}
}

// TestLateCVR: what a client says of itself after sign-in changes what it was
// shown already.
func TestLateCVR(t *testing.T) {
	for _, tt := range []struct {
		name    string
		setting Flatten
		dialect wire.Dialect
		cvr     server.CVR
		initial []string
		told    []string
		after   string // what dora's going out to lunch looks like
	}{
		{"a box of MSNP6 with a password", FlattenFirstGeneration, wire.MSNP6, boxCVR,
			[]string{"AWY " + doraAddr}, []string{"NLN NLN " + doraAddr}, ""},
		{"a PC client of MSNP3", FlattenFirstGeneration, wire.MSNP3, pcCVR,
			[]string{"NLN " + doraAddr}, []string{"NLN AWY " + doraAddr}, "NLN LUN " + doraAddr},
		{"a PC client of MSNP6", FlattenFirstGeneration, wire.MSNP6, pcCVR,
			[]string{"AWY " + doraAddr}, nil, "NLN LUN " + doraAddr},
		{"a box, where nobody is flattened", FlattenNobody, wire.MSNP6, boxCVR,
			[]string{"AWY " + doraAddr}, nil, "NLN LUN " + doraAddr},
		{"a PC client, where everyone is", FlattenEveryone, wire.MSNP3, pcCVR,
			[]string{"NLN " + doraAddr}, nil, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			onStage(t, tt.setting, func(s *stage) {
				d := s.visible("dora", wire.Away)
				a := s.enter("alice", server.Client{Dialect: tt.dialect}, false)
				a.edit("ADD FL " + doraAddr)
				if got := a.status(wire.Online); len(got) != 1 || got[0] != tt.initial[0] {
					t.Errorf("at first %q, want %q", got, tt.initial)
				}
				a.told()
				a.Identify(tt.cvr)
				a.tells(tt.told...)
				d.edit("CHG LUN")
				if tt.after == "" {
					a.tells()
				} else {
					a.tells(tt.after)
				}
			})
		})
	}
}
