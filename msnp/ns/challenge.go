package ns

import (
	"context"
	"crypto/md5"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"wtvgate/msnp/wire"
)

// challengeTime is how long a client may take to answer CHL: the live service
// wanted it within about 50 s, modem lines get twice that (msnp.md 11.1).
const challengeTime = 100 * time.Second

// clientKeys are the keys of official clients, by the id they name in QRY
// (msnp.md 11.1). They are no secret: every such client holds one.
var clientKeys = map[string]string{
	"msmsgs@msnmsgr.com": "Q1P7W2E4J9R8U3S5",
	"PROD0038W!61ZTF9":   "VT6PX?UQTM4WM%YR",
	"PROD0058#7IL2{QD":   "QHDCY@7R1TB6W?5B",
	"PROD0061VRRZH@4F":   "JXQ6J@TUOGYV@N0M",
	"PROD00504RLUG%WL":   "I2EBK%PYNLZL5_J4",
	"PROD0076ENE8*@AW":   "CEQJ8}OE0!WTSWII",
}

// proof is the challenge that is out, if any. The timer ends the connection; all
// else belongs to the reader.
type proof struct {
	text  string
	timer *time.Timer
}

func (p *proof) stop() {
	if p.timer != nil {
		p.timer.Stop()
	}
	p.text, p.timer = "", nil
}

// askProof sends CHL, where the operator wants it and the client is none that
// might not know it.
func (s *session) askProof() {
	if s.mayAsk() {
		s.newProof("0")
	}
}

func (s *session) mayAsk() bool {
	return s.c.Options().Challenge && s.dialect >= wire.MSNP6 && !s.cvr.FirstGeneration()
}

func (s *session) newProof(trid string) {
	s.proof.stop()
	s.proof.text = newChallenge()
	s.proof.timer = time.AfterFunc(challengeTime, func() { s.c.End("no answer to the challenge") })
	s.c.Reply("CHL", trid, s.proof.text)
}

// newChallenge has 20 digits, as the live service's had.
func newChallenge() string {
	var r [8]byte
	_, _ = rand.Read(r[:]) // crypto/rand.Read never fails: it ends the process
	return fmt.Sprintf("%020d", binary.BigEndian.Uint64(r[:]))
}

// chl answers a client that asks to be asked; where nobody is asked it is ignored
// (msnp.md 11.1).
func (s *session) chl(_ context.Context, cmd wire.Command) error {
	if s.mayAsk() {
		s.newProof(cmd.Args[0])
	}
	return nil
}

// qry takes the answer to CHL. One that nobody asked for is acknowledged and
// ignored, unless its length says that the stream is out of step.
func (s *session) qry(_ context.Context, cmd wire.Command) error {
	if n, err := strconv.Atoi(cmd.Args[len(cmd.Args)-1]); err != nil || n != wire.QueryLength {
		return wire.Fail(wire.ErrChallenge, errors.New("QRY with a wrong length"))
	}
	if s.proof.text != "" {
		key, known := clientKeys[cmd.Args[1]]
		sum := md5.Sum([]byte(s.proof.text + key))
		if !known || !strings.EqualFold(hex.EncodeToString(sum[:]), string(cmd.Payload)) {
			return wire.Fail(wire.ErrChallenge, errors.New("wrong answer to CHL"))
		}
		s.proof.stop()
	}
	s.c.Reply("QRY", cmd.Args[0])
	return nil
}
