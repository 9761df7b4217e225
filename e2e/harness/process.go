package harness

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// keepLog is how much of a program's output is shown when a test fails.
const keepLog = 32 << 10

// process is a program under test. It ends with the test.
type process struct {
	t    testing.TB
	name string
	cmd  *exec.Cmd
	log  *tail
	gone chan struct{} // closed when it has ended
	err  error         // how it ended
}

// start runs a program. What it says is shown if the test fails.
func start(t testing.TB, name, dir string, env []string, path string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: exec.Command(path, args...), log: &tail{}, gone: make(chan struct{})}
	p.cmd.Dir = dir
	p.cmd.Env = append(environment(), env...)
	out := p.log.beside(t, name)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL} // not to outlive a test that was killed
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.gone)
	}()
	t.Cleanup(func() {
		_ = p.cmd.Process.Kill() // it may have ended
		<-p.gone
		if t.Failed() {
			t.Logf("---- %s said last:\n%s", name, p.log)
		}
	})
	return p
}

// beside gives where a program writes to: the tail, and a file of its own in the
// folder WTVGATE_LOGS, if that is set, for those who look for what a tail has lost.
func (l *tail) beside(t testing.TB, name string) io.Writer {
	t.Helper()
	dir := os.Getenv("WTVGATE_LOGS")
	if dir == "" {
		return l
	}
	f, err := os.CreateTemp(dir, strings.ReplaceAll(name, " ", "-")+"-*.log")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return io.MultiWriter(l, f)
}

// environment is the test's own without what is meant for the tests: the gateway
// does not start with settings that it does not know.
func environment() []string {
	return slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "WTVGATE_") })
}

// waitHTTP waits until a URL answers 200; false if the program has ended.
func (p *process) waitHTTP(url string) (ok bool) {
	p.t.Helper()
	poll(p.t, p.name+" is not ready", func(ctx context.Context) error {
		select {
		case <-p.gone:
			return nil
		default:
		}
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			return err
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s: %s", url, resp.Status)
		}
		ok = true
		return nil
	})
	return ok
}

func (p *process) signal(s os.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("%s: signal %v: %v", p.name, s, err)
	}
}

// end signals the program and waits for its end.
func (p *process) end(s os.Signal) error {
	p.t.Helper()
	p.signal(s)
	ctx, cancel := context.WithTimeout(context.Background(), Wait)
	defer cancel()
	select {
	case <-p.gone:
		return p.err
	case <-ctx.Done():
		p.t.Fatalf("%s does not end", p.name)
		return nil
	}
}

// tail keeps the end of what is written.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (l *tail) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.buf = append(l.buf, b...)
	if len(l.buf) > 2*keepLog {
		l.buf = append([]byte(nil), l.buf[len(l.buf)-keepLog:]...)
	}
	return len(b), nil
}

func (l *tail) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.buf)
}
