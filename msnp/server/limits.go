package server

import "time"

// Times of a connection. Boxes reach us over modem lines and dial out to their
// service in the middle of sign-in, so all of them are generous.
const (
	// VersionTime is how long a notification connection may take to get to its
	// challenge (msnp.md 3: S0 and S1).
	VersionTime = 90 * time.Second
	// ChallengeTime is how long a challenge waits for its answer: the box
	// dials its service meanwhile, which may take 480 s (msnp.md 3: S2).
	ChallengeTime = 10 * time.Minute
	// StatusTime ends a signed-in session that never says anything (msnp.md 3: S3).
	StatusTime = 10 * time.Minute
	// EntryTime is how long a switchboard connection may take from its first
	// command into a board: the live service gave 60 s, modems get 120 (msnp.md
	// 12.1). Before the first command nobody knows what a connection is, and it has
	// VersionTime.
	EntryTime = 120 * time.Second
	// CommandTime is how long a command that has begun may take to arrive in
	// whole; it ends a client that announced more bytes than it sends (msnp.md 2.4).
	CommandTime = 5 * time.Minute
	// CallTime bounds one call into the gateway.
	CallTime = 30 * time.Second
	// writeTime is the write deadline of one piece of output (msnp.md 16).
	writeTime = 60 * time.Second
	// flushTime is the write deadline once the connection is ending.
	flushTime = 5 * time.Second
	// lingerTime is how long a socket is drained after our last words, so that
	// what the client still sends does not reset them away.
	lingerTime = time.Second
	// cutTime is how long connections that were cut may take to end.
	cutTime = 500 * time.Millisecond
	// keepAlive finds dead lines on which nothing is said (msnp.md 16).
	keepAlive         = 60 * time.Second
	keepAliveInterval = 10 * time.Second
	keepAliveCount    = 3
	// silence finds dead lines on which something is: how long the other end may
	// leave bytes unacknowledged, or its window shut. Keep-alive does not act while
	// something is unacknowledged, and the kernel's own patience is some 15 minutes.
	// On Linux it takes the place of keepAliveCount, so it must not be shorter than
	// what the probes take: one that noise has eaten is no dead line. The minute of
	// msnp.md 16 is how long a piece may wait to be written (writeTime).
	silence = keepAlive + keepAliveCount*keepAliveInterval
)

// Sizes of a connection.
const (
	// writePiece is how much is written under one deadline: a 28.8 kbit/s line
	// takes ten seconds for it.
	writePiece = 32 << 10
	// highWater is the unwritten output at which those who write to a client in a
	// switchboard have to wait for it, and lowWater where they go on: a flood fills
	// the flooder's own socket, and the queue's limit is left for what cannot wait.
	highWater = 64 << 10
	lowWater  = 16 << 10
	// roomTime is the longest such wait; after it the queue's limit decides.
	roomTime = 5 * time.Second
	// keepBuffer is the largest output buffer that is used again; a SYN of a
	// full list is larger and is left to the collector.
	keepBuffer = 16 << 10
	// lingerBytes bounds what is read and thrown away at the end.
	lingerBytes = 64 << 10
)

// Default limits, used where Limits has zero.
const (
	// DefaultConnections is `messenger.max_connections` of the configuration.
	DefaultConnections = 20000
	// DefaultPerAddress is how many connections one Source may have. It leaves room
	// for a club behind one proxy; loopback
	// addresses are exempt, because a proxy on the same machine hides everyone.
	DefaultPerAddress = 256
	// DefaultEarly is how many commands a stranger may send: a sign-in has six.
	DefaultEarly = 32
	// DefaultQueue bounds unwritten output in bytes: about half a minute of a
	// modem line.
	DefaultQueue = 256 << 10
)

// Rate is a token bucket: Burst at once, then one per Every. A negative Burst
// means no limit.
type Rate struct {
	Burst int
	Every time.Duration
}

// Default rates (msnp.md 15). Clients on a loopback address are exempt from the
// first two, as from PerAddress: a proxy on the same machine hides everyone, and
// what writes faster than others read is held back all the same (highWater).
var (
	defaultCommands = Rate{Burst: 20, Every: time.Second / 5}
	defaultMessages = Rate{Burst: 10, Every: time.Second / 3}
	// Refusals that count are rare in an honest session; the bucket refills so
	// that a box with a harmless oddity is not cut off after a week.
	defaultErrors = Rate{Burst: 100, Every: 10 * time.Second}
	// Own renames: about five quick ones, then one a minute.
	defaultRenames = Rate{Burst: 5, Every: time.Minute}
)

// Limits are the bounds of the server; zero fields take the defaults.
type Limits struct {
	Connections int // all together
	PerAddress  int // from one Source, loopback exempt
	Early       int // commands before sign-in
	Queue       int // unwritten bytes of one connection
	// Silence is how long the other end may leave bytes unacknowledged (Linux).
	Silence  time.Duration
	Commands Rate // any command; beyond it reading is delayed
	Messages Rate // MSG on a switchboard; beyond it reading is delayed
	Errors   Rate // refusals of one connection; beyond it the connection ends
	Renames  Rate // REA of the own name; beyond it 800
}

func (l Limits) withDefaults() Limits {
	l.Connections = orInt(l.Connections, DefaultConnections)
	l.PerAddress = orInt(l.PerAddress, DefaultPerAddress)
	l.Early = orInt(l.Early, DefaultEarly)
	l.Queue = orInt(l.Queue, DefaultQueue)
	if l.Silence == 0 {
		l.Silence = silence
	}
	l.Commands = l.Commands.or(defaultCommands)
	l.Messages = l.Messages.or(defaultMessages)
	l.Errors = l.Errors.or(defaultErrors)
	l.Renames = l.Renames.or(defaultRenames)
	return l
}

func orInt(n, d int) int {
	if n == 0 {
		return d
	}
	return n
}

func (r Rate) or(d Rate) Rate {
	if r.Burst == 0 {
		return d
	}
	return r
}

// Bucket is the state of a Rate. It belongs to one goroutine.
type Bucket struct {
	rate Rate
	debt time.Duration // how much of Burst*Every is used
	last time.Time
}

// NewBucket starts full.
func NewBucket(r Rate) Bucket { return Bucket{rate: r} }

// Take uses one token and tells how long to wait until it would have been
// there: 0 when it was.
func (b *Bucket) Take(now time.Time) time.Duration {
	if b.rate.Burst < 0 {
		return 0
	}
	if d := now.Sub(b.last); d > 0 {
		b.debt = max(0, b.debt-d)
		b.last = now
	}
	b.debt += b.rate.Every
	return max(0, b.debt-time.Duration(b.rate.Burst)*b.rate.Every)
}

// Try uses one token if there is one and tells whether there was.
func (b *Bucket) Try(now time.Time) bool {
	if b.Take(now) == 0 {
		return true
	}
	b.debt -= b.rate.Every
	return false
}
