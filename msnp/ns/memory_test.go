package ns_test

import (
	"bufio"
	"fmt"
	"net"
	"runtime"
	"testing"

	"wtvgate/msnp/msnptest"
	"wtvgate/msnp/server"
)

// idleCost is what one idle signed-in client may cost in this process: ten
// thousand of them in well under 512 MB (design.md 8). The test's own end of the
// connection is counted in.
const idleCost = 12 << 10

// idleStack is the part of it that is the reader's stack: sign-in ran
// elsewhere, and it goes on with a new one after the first
// CHG and waits in less than the smallest there is.
const idleStack = 2<<10 + 512

func TestIdleMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector needs memory of its own")
	}
	const clients = 400
	s, _ := world(t, server.Options{})
	answer := msnptest.MD5Answer(msnptest.Challenge, "secret7")
	for i := range clients {
		s.Backend.Add(fmt.Sprintf("w%d@example.net", i), "W", "secret7")
	}
	before, stack := inUse(), stackInUse()
	conns := make([]net.Conn, clients)
	for i := range conns {
		nc, err := net.Dial("tcp", s.Addr)
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		conns[i] = nc
		fmt.Fprintf(nc, "VER 1 MSNP6\r\nUSR 3 MD5 I w%d@example.net\r\nUSR 4 MD5 S %s\r\nSYN 5 0\r\nCHG 6 NLN\r\n", i, answer)
		until(t, bufio.NewReaderSize(nc, 16), "CHG 6")
	}
	cost, stacks := (inUse()-before)/clients, (stackInUse()-stack)/clients
	t.Logf("%d bytes for each client", cost)
	if stacks > idleStack {
		t.Errorf("%d bytes of stack for each idle client, want at most %d", stacks, idleStack)
	}
	if cost > idleCost {
		t.Errorf("%d bytes for each idle client, want at most %d", cost, idleCost)
	}
	runtime.KeepAlive(conns)
}

// inUse is the memory of heap and stacks after a collection; the second one
// shrinks the stacks that the first has found idle and empties the pools.
func inUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}

func stackInUse() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.StackInuse
}
