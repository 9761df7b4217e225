package passport

import (
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"strings"
)

// MD5Response is what a client answers to an MD5 challenge: the MD5 of challenge
// and password in 32 lower-case hex digits (msnp.md 4.4). The password counts in
// UTF-8.
func MD5Response(challenge, password string) string {
	sum := md5.Sum([]byte(challenge + password))
	return hex.EncodeToString(sum[:])
}

// VerifyMD5 tells whether response answers challenge, in either case of its
// letters. A client of the time used its code page, so the Latin-1 bytes of a
// password that is not ASCII are right too (msnp.md 4.4). The time it takes
// depends on the password's characters, not on how much of response is right.
func VerifyMD5(challenge, password, response string) bool {
	got := []byte(strings.ToLower(response))
	ok := subtle.ConstantTimeCompare(got, []byte(MD5Response(challenge, password)))
	if old, differs := latin1(password); differs {
		ok |= subtle.ConstantTimeCompare(got, []byte(MD5Response(challenge, old)))
	}
	return ok == 1
}

// latin1 is s with one byte per character; false when s is ASCII, so that there
// is no difference, or cannot be written so.
func latin1(s string) (string, bool) {
	out := make([]byte, 0, len(s))
	ascii := true
	for _, r := range s {
		if r > 0xFF {
			return "", false
		}
		ascii = ascii && r < 0x80
		out = append(out, byte(r))
	}
	return string(out), !ascii
}
