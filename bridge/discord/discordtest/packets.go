package discordtest

import (
	"encoding/json"
	"slices"
	"time"
)

// packet handles one packet of the client. mu is held.
func (c *conn) packet(b []byte) {
	var p struct {
		Op *int            `json:"op"`
		D  json.RawMessage `json:"d"`
	}
	if len(b) > maxPacket || json.Unmarshal(b, &p) != nil || p.Op == nil {
		c.wrong(closeDecode, "a packet that cannot be read")
		return
	}
	now := c.s.o.Now()
	c.packets = append(slices.DeleteFunc(c.packets, func(t time.Time) bool { return now.Sub(t) >= packetWindow }), now)
	if len(c.packets) > maxPackets {
		c.wrong(closeRate, "more than 120 packets in a minute")
		return
	}
	if c.frozen {
		return
	}
	if c.ss == nil && (*p.Op == 3 || *p.Op == 4 || *p.Op == 8) {
		if c.invalid { // written before our op 9 was read
			c.close(closeNotIdentified)
			return
		}
		c.wrong(closeNotIdentified, "op %d before IDENTIFY", *p.Op)
		return
	}
	switch *p.Op {
	case 1:
		c.beat(p.D)
	case 2:
		c.identify(p.D)
	case 3:
		c.presence(p.D)
	case 4: // voice: nobody here speaks
	case 6:
		c.resume(p.D)
	case 8:
		var who struct {
			Users []string `json:"user_ids"`
		}
		_ = json.Unmarshal(p.D, &who) // one id instead of a list is none of ours
		c.s.gw.wanted = append(c.s.gw.wanted, len(who.Users))
		c.members(p.D)
	default:
		c.wrong(closeUnknownOp, "unknown op %d", *p.Op)
	}
}

// wrong closes because of something a well-made client does not do.
func (c *conn) wrong(code int, format string, args ...any) {
	c.s.violation("gateway: "+format, args...)
	c.close(code)
}

// beat answers a heartbeat.
func (c *conn) beat(d json.RawMessage) {
	var seq *int64
	if json.Unmarshal(d, &seq) != nil {
		c.wrong(closeDecode, "heartbeat with %s", d)
		return
	}
	c.s.gw.beats++
	c.timer.Reset(c.s.patience())
	if !c.muted {
		c.queue([]byte(`{"op":11,"d":null,"s":null,"t":null}`))
	}
}

// presence is op 3; null activities end the connection (reference 3.7).
func (c *conn) presence(d json.RawMessage) {
	var p struct {
		Activities []any  `json:"activities"`
		Status     string `json:"status"`
	}
	if json.Unmarshal(d, &p) != nil || p.Activities == nil || !slices.Contains([]string{"online", "idle", "dnd", "invisible", "offline"}, p.Status) {
		c.wrong(closeDecode, "op 3 with %s", d)
		return
	}
	var o obj
	_ = json.Unmarshal(d, &o) // it was read just now
	c.s.gw.status = o
}
