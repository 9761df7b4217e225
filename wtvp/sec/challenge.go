package sec

import (
	"bytes"
	"crypto/md5"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
)

// Sizes of the parts of a challenge and its answer (sections 6.1 to 6.3).
const (
	// ChallengeSize is the size of a challenge as the original service sent it: id and 13 blocks.
	ChallengeSize = 112
	// MinChallengeSize is the smallest that holds 12 whole blocks and a cut one, which boxes accept.
	MinChallengeSize = 105
	// ResponseSize is the size of an answer: id and 8 blocks.
	ResponseSize = 72
	// checkedSize is how much of an answer counts; the rest is padding that servers and boxes fill differently (6.2).
	checkedSize = 64

	idSize    = 8
	echoSize  = 40
	bodySize  = 96 // echo, both session keys, next key, MD5
	md5Offset = 80
)

// Challenge is a login challenge with all it holds; whoever has the shared key can open it.
type Challenge struct {
	// Keys are what both sides know once the challenge is accepted.
	Keys Keys
	id   [idSize]byte
	echo [echoSize]byte
	raw  []byte // as sent
}

// NewChallenge makes a challenge of 112 bytes under a shared key. The first one of a login is under the wtv-initial-key,
// each following one under Keys.Next of the one before.
func NewChallenge(shared Key, rand io.Reader) (*Challenge, error) {
	var random [idSize + md5Offset]byte
	if _, err := io.ReadFull(rand, random[:]); err != nil {
		return nil, fmt.Errorf("sec: making a challenge: %w", err)
	}
	plain := make([]byte, 0, bodySize+blockSize)
	plain = append(plain, random[idSize:]...)
	sum := md5.Sum(plain)
	plain = append(plain, sum[:]...)
	// Eight times 08, also where the last block is all padding: a box refuses a last block of zeros (6.3).
	plain = pad(plain)
	raw := append(random[:idSize:idSize], encipher(shared, plain)...)
	return newChallenge(raw, plain), nil
}

// OpenChallenge reads a wtv-challenge as a box does: base64 of 105 to 112 bytes, a right MD5, and if there are 112, the
// padding of eight 08. A cut last block is ignored, as the firmware does (6.3).
func OpenChallenge(s string, shared Key) (*Challenge, error) {
	if len(s) > base64.StdEncoding.EncodedLen(ChallengeSize) {
		return nil, errors.New("sec: challenge is too long")
	}
	raw, err := decode64(s)
	if err != nil {
		return nil, errors.New("sec: challenge is not valid base64")
	}
	return openChallenge(raw, shared)
}

func openChallenge(raw []byte, shared Key) (*Challenge, error) {
	if len(raw) < MinChallengeSize || len(raw) > ChallengeSize {
		return nil, fmt.Errorf("sec: challenge has %d bytes, want %d to %d", len(raw), MinChallengeSize, ChallengeSize)
	}
	whole := idSize + (len(raw)-idSize)/blockSize*blockSize
	plain := decipher(shared, raw[idSize:whole])
	sum := md5.Sum(plain[:md5Offset])
	if !bytes.Equal(sum[:], plain[md5Offset:bodySize]) {
		return nil, errors.New("sec: challenge does not open under this key (wrong MD5)")
	}
	if len(raw) == ChallengeSize {
		if body, err := unpad(plain); err != nil || len(body) != bodySize {
			return nil, errors.New("sec: challenge is padded wrongly; a box wants eight bytes of 08")
		}
	}
	return newChallenge(raw, plain), nil
}

func newChallenge(raw, plain []byte) *Challenge {
	c := &Challenge{raw: raw, id: [idSize]byte(raw), echo: [echoSize]byte(plain)}
	plain = plain[echoSize:]
	c.Keys.Session1 = SessionKey(plain)
	c.Keys.Session2 = SessionKey(plain[16:])
	c.Keys.Next = Key(plain[32:])
	return c
}

// Base64 is the challenge as it stands in wtv-challenge.
func (c *Challenge) Base64() string { return base64.StdEncoding.EncodeToString(c.raw) }

// Response is what a box answers in wtv-challenge-response.
func (c *Challenge) Response() string { return base64.StdEncoding.EncodeToString(c.response()) }

func (c *Challenge) response() []byte {
	plain := make([]byte, 0, ResponseSize-idSize)
	sum := md5.Sum(c.echo[:])
	plain = append(append(plain, sum[:]...), c.echo[:]...)
	return append(c.id[:idSize:idSize], encipher(c.Keys.Next, pad(plain))...)
}

// Check tells whether an answer is right. Its first 64 bytes count, compared in constant time; what follows is padding that
// different clients fill differently (6.2).
func (c *Challenge) Check(response string) bool {
	if len(response) > base64.StdEncoding.EncodedLen(ResponseSize) {
		return false
	}
	got, err := decode64(response)
	if err != nil || len(got) < checkedSize {
		return false
	}
	return subtle.ConstantTimeCompare(got[:checkedSize], c.response()[:checkedSize]) == 1
}
