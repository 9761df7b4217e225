package admin

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"
)

// Limits of the control connection. Its only clients are our own commands.
const (
	maxRequest     = 64 << 10
	maxAnswer      = 16 << 20 // a list of all accounts of a large gateway
	controlTimeout = 30 * time.Second
	// slowTimeout is for what reads or writes the whole database; the store bounds
	// it sooner.
	slowTimeout = 6 * time.Minute
)

// controlFile is where a running gateway leaves its address, in the data
// directory.
const controlFile = "control.json"

// ErrNoGateway: no running gateway can be reached.
var ErrNoGateway = errors.New("no running gateway answers")

// handle is what stands in the control file.
type handle struct {
	Address string `json:"address"`
	Token   string `json:"token"`
}

type answer struct {
	Text  string `json:"text,omitempty"`
	Error string `json:"error,omitempty"`
}

// Control is the running gateway's door for commands.
type Control struct {
	file   string
	srv    *http.Server
	ln     net.Listener
	cancel context.CancelFunc // ends what is being carried out
}

// OpenControl opens the door for the data directory dir; Serve must follow.
func OpenControl(dir string, o *Operator, log *slog.Logger) (*Control, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("admin: opening the control port: %w", err)
	}
	var secret [32]byte
	rand.Read(secret[:])
	h := handle{Address: ln.Addr().String(), Token: hex.EncodeToString(secret[:])}
	running, cancel := context.WithCancel(context.Background())
	c := &Control{file: filepath.Join(dir, controlFile), ln: ln, cancel: cancel}
	c.srv = &http.Server{Handler: controlHandler(o, h.Token, log), ReadTimeout: controlTimeout, WriteTimeout: controlTimeout,
		MaxHeaderBytes: 8 << 10, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		BaseContext: func(net.Listener) context.Context { return running }}
	if err := writeHandle(c.file, h); err != nil {
		cancel()
		ln.Close()
		return nil, err
	}
	return c, nil
}

// writeHandle writes the file whole or not at all.
func writeHandle(file string, h handle) error {
	b, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("admin: %w", err)
	}
	fresh := file + ".new"
	if err := os.WriteFile(fresh, b, 0o600); err != nil {
		return fmt.Errorf("admin: writing the control file: %w", err)
	}
	if err := os.Rename(fresh, file); err != nil {
		return fmt.Errorf("admin: writing the control file: %w", err)
	}
	return nil
}

// Serve answers until Close.
func (c *Control) Serve() error {
	if err := c.srv.Serve(c.ln); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("admin: control port: %w", err)
	}
	return nil
}

// stopGrace is how long a command may go on once the gateway stops. Most take
// milliseconds; a backup may take minutes, and is given up.
const stopGrace = time.Second

// Close ends it and takes the file away. What is being carried out may end within
// stopGrace; then it is given up, and its caller told so. When ctx ends first, it is
// cut and ctx's error returned.
func (c *Control) Close(ctx context.Context) error {
	os.Remove(c.file) // a stale file does no harm: its port is closed
	polite, done := context.WithTimeout(ctx, stopGrace)
	defer done()
	defer c.cancel()
	if c.srv.Shutdown(polite) == nil {
		return nil
	}
	c.cancel()
	if err := c.srv.Shutdown(ctx); err != nil {
		_ = c.srv.Close() // what is left has had its time
		return err
	}
	return nil
}

// timeout bounds an operation, for the one who asks and the one who answers.
func (v Verb) timeout() time.Duration {
	if v == Backup || v == Check {
		return slowTimeout
	}
	return controlTimeout
}

func controlHandler(o *Operator, token string, log *slog.Logger) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/do", func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
			http.Error(w, "wrong token", http.StatusUnauthorized)
			return
		}
		var req Request
		d := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxRequest))
		d.DisallowUnknownFields()
		if err := d.Decode(&req); err != nil {
			http.Error(w, "not a request", http.StatusBadRequest)
			return
		}
		// Both fail only on a connection that is gone, which Encode then finds. The
		// deadline for reading would end the handler's context.
		until, rc := time.Now().Add(req.Verb.timeout()), http.NewResponseController(w)
		_, _ = rc.SetReadDeadline(until), rc.SetWriteDeadline(until)
		var a answer
		text, err := o.Do(r.Context(), req)
		if a.Text = text; err != nil {
			a.Error = err.Error()
		} else if !looks(req.Verb) {
			args := []any{"verb", string(req.Verb), "account", req.Account}
			if req.SSID != "" { // who may sign in as whom has changed
				args = append(args, "ssid", req.SSID, "user", req.UserID)
			}
			log.Info("operator", args...)
		}
		w.Header().Set("Content-Type", "application/json")
		if err := json.NewEncoder(w).Encode(a); err != nil {
			log.Debug("a command did not wait for its answer", "err", err)
		}
	})
	return mux
}

// Call has the gateway that runs on dir carry out a request. ErrNoGateway: none
// runs there, or it does not answer.
func Call(ctx context.Context, dir string, r Request) (string, error) {
	b, err := os.ReadFile(filepath.Join(dir, controlFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", ErrNoGateway
	}
	if err != nil {
		return "", fmt.Errorf("cannot read the running gateway's control file (run this as the gateway's user): %w", err)
	}
	var h handle
	if err := json.Unmarshal(b, &h); err != nil {
		return "", fmt.Errorf("%s is damaged: restart the gateway: %w", controlFile, err)
	}
	if host, _, err := net.SplitHostPort(h.Address); err != nil || !net.ParseIP(host).IsLoopback() {
		return "", fmt.Errorf("%s names %q, which is not this machine: restart the gateway", controlFile, h.Address)
	}
	body, err := json.Marshal(r)
	if err != nil {
		return "", err
	}
	ctx, cancel := context.WithTimeout(ctx, r.Verb.timeout())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+h.Address+"/v1/do", bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Authorization", "Bearer "+h.Token)
	resp, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req) // no proxy: it is this machine
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoGateway, err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return "", fmt.Errorf("%w: %w", ErrNoGateway, err)
	}
	if resp.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%w: it says %s", ErrNoGateway, resp.Status)
	}
	var a answer
	if err := json.Unmarshal(data, &a); err != nil {
		return "", fmt.Errorf("the running gateway's answer cannot be read: %w", err)
	}
	if a.Error != "" {
		return "", errors.New(a.Error)
	}
	return a.Text, nil
}
