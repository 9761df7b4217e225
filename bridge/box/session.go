package box

import (
	"context"
	"strings"

	"wtvgate/bridge"
)

var _ bridge.Describer = (*account)(nil)

// Session implements bridge.Describer.
func (a *account) Session() (s bridge.Session, ok bool) {
	err := a.do(context.Background(), func() error {
		s = bridge.Session{Account: a.addr, Client: a.program(), Dialect: a.client.Dialect.String(), Status: string(a.status),
			Remote: a.client.Remote, Conn: a.client.Conn, Since: a.since}
		for _, t := range a.talks {
			if t.b != nil {
				s.Talks++
			}
		}
		return nil
	})
	return s, err == nil
}

// maxProgram bounds what a client says of itself in a list.
const maxProgram = 40

// program names the client in words; what it says of itself is a stranger's.
func (a *account) program() string {
	v := a.client.CVR
	words := strings.Join(strings.Fields(strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return -1
		}
		return r
	}, v.Client+" "+v.Version)), " ")
	switch {
	case words != "":
		return words[:min(len(words), maxProgram)]
	case a.isBox():
		return "box"
	}
	return "unknown"
}
