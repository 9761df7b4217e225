package passport

import (
	"strings"
	"testing"
)

// The vectors of msnp.md 22.
func TestMD5Response(t *testing.T) {
	for _, tt := range []struct{ challenge, password, want string }{
		{"1726321960.104729", "hunter22", "1c2bd3b5837ea132b7befba304a26e43"},
		{"1013928519.693957190", "correcthorse", "f674d9f74c471fb0e2fdd3de4e42c4d7"},
		{"1726321960.104729", "pässword", "c053dcdef203cddf255c9d2ef39888d9"},
	} {
		if got := MD5Response(tt.challenge, tt.password); got != tt.want {
			t.Errorf("%s + %s: %s, want %s", tt.challenge, tt.password, got, tt.want)
		}
	}
}

func TestVerifyMD5(t *testing.T) {
	const challenge = "1726321960.104729"
	for _, tt := range []struct {
		password, response string
		want               bool
	}{
		{"hunter22", "1c2bd3b5837ea132b7befba304a26e43", true},
		{"hunter22", "1C2BD3B5837EA132B7BEFBA304A26E43", true},
		{"pässword", "c053dcdef203cddf255c9d2ef39888d9", true},
		{"pässword", "1ae25f529dd1c91cb8868470ef7c56c4", true}, // Latin-1
		{"pässword", "1AE25F529DD1C91CB8868470EF7C56C4", true},
		{"hunter2", "1c2bd3b5837ea132b7befba304a26e43", false},
		{"hunter22", "", false},
		{"hunter22", "200: OK", false},
		{"hunter22", "1c2bd3b5837ea132b7befba304a26e4", false},
		{"hunter22", "1c2bd3b5837ea132b7befba304a26e433", false},
		{"hunter22", strings.Repeat("0", 32), false},
		{"☕", "c053dcdef203cddf255c9d2ef39888d9", false}, // no Latin-1 form
	} {
		if got := VerifyMD5(challenge, tt.password, tt.response); got != tt.want {
			t.Errorf("%q with %q: %v", tt.password, tt.response, got)
		}
	}
	if VerifyMD5("1726321960.104730", "hunter22", "1c2bd3b5837ea132b7befba304a26e43") {
		t.Error("the answer to another challenge is taken")
	}
}

// A right answer is taken in any case of its letters and in no other form.
func FuzzVerifyMD5(f *testing.F) {
	f.Add("1726321960.104729", "hunter22", 3)
	f.Add("1.2", "pässword", 31)
	f.Add("", "\xff\xfe", 0)
	f.Fuzz(func(t *testing.T, challenge, password string, at int) {
		r := MD5Response(challenge, password)
		if len(r) != 32 || r != strings.ToLower(r) || !VerifyMD5(challenge, password, strings.ToUpper(r)) {
			t.Fatalf("response %q", r)
		}
		if at < 0 || at >= len(r) {
			return
		}
		wrong := []byte(r)
		wrong[at] = '0' + (wrong[at]-'0'+1)%10
		if string(wrong) != r && VerifyMD5(challenge, password, string(wrong)) {
			t.Errorf("%q is taken for %q", wrong, r)
		}
	})
}
