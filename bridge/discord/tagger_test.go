package discord

import (
	"encoding/json"
	"testing"
)

func TestTagger(t *testing.T) {
	for in, want := range map[string]string{
		`{"t":"MESSAGE_CREATE","s":1,"op":0,"d":{"t":"KEPT"}}`:        `{"t":"mESSAGE_CREATE","s":1,"op":0,"d":{"t":"KEPT"}}`,
		`{"d":{"a":["t","X",{"t":"Y"}]},"op":0,"t" : "GUILD_CREATE"}`: `{"d":{"a":["t","X",{"t":"Y"}]},"op":0,"t" : "gUILD_CREATE"}`,
		`{"d":"a\\","t":"X\"Y"}`:                                      `{"d":"a\\","t":"x\"Y"}`,
		`{"t":"READY"}`:                                               `{"t":"READY"}`,
		`{"t":null,"s":"T"}`:                                          `{"t":null,"s":"T"}`,
		`{"s":"t","d":"X"}`:                                           `{"s":"t","d":"X"}`,
		`{"tt":"X","\u0074":"X"}`:                                     `{"tt":"X","\u0074":"X"}`,
		`["t","X"]`:                                                   `["t","X"]`,
	} {
		for _, size := range []int{1, 3, len(in)} {
			var tag tagger
			b := []byte(in)
			for i := 0; i < len(b); i += size {
				tag.feed(b[i:min(i+size, len(b))])
			}
			if string(b) != want {
				t.Errorf("%s in pieces of %d: %s", in, size, b)
			}
		}
	}
	if eventName("mESSAGE_CREATE") != "MESSAGE_CREATE" || eventName("READY") != "READY" || eventName("") != "" {
		t.Error("names do not come back")
	}
}

func FuzzTagger(f *testing.F) {
	f.Add([]byte(`{"t":"MESSAGE_CREATE","d":{"t":"KEPT"}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		b := append([]byte{}, in...)
		var tag tagger
		tag.feed(b)
		if json.Valid(in) != json.Valid(b) {
			t.Fatalf("%q became %q", in, b)
		}
		changed := 0
		for i := range b {
			if b[i] != in[i] {
				changed++
			}
		}
		if json.Valid(in) && changed > 1 {
			var m map[string]json.RawMessage
			if json.Unmarshal(in, &m) == nil && len(m) == 1 {
				t.Fatalf("%d bytes changed", changed)
			}
		}
	})
}
