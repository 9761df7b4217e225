package store

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// key.go: secrets in the database are sealed with a key that lies beside it, so
// that a copy of the database alone (a backup, a bug report) gives nothing away.

const (
	keyName = "secret.key"
	keySize = 32 // AES-256
	// maxKeyFile bounds what is read of a key file: one comment and 64 digits.
	maxKeyFile = 4096
	// sealVersion is the first byte of everything sealed, so that another form can
	// come later.
	sealVersion = 1
	keyComment  = "# Key of the secrets in gateway.db. Back it up with the database: one is worth nothing without the other.\n"
	// checkContext and checkText are sealed into the database at its first start
	// and tell a wrong key at once instead of at the first sign-in.
	checkContext = "store: key check"
	checkText    = "wtvgate"
)

// openKey reads the key file, or makes it for a database that has no key yet.
func (s *Store) openKey(ctx context.Context, dir string) error {
	var check string
	q, done, err := s.reader(ctx)
	if err != nil {
		return err
	}
	defer done()
	err = q.row(`SELECT value FROM meta WHERE key = 'key_check'`, nil, &check)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return fmt.Errorf("store: reading the key check: %w", err)
	}
	path := filepath.Join(dir, keyName)
	key, err := readKey(path)
	if errors.Is(err, os.ErrNotExist) {
		if check != "" {
			return sentencef(ErrKey, "store: %s is missing, and the database holds secrets sealed with it; put it back from "+
				"the backup, or move the whole data directory away to begin anew", path)
		}
		key, err = makeKey(dir)
	}
	if err != nil {
		return err
	}
	if s.aead, err = newAEAD(key); err != nil {
		return err
	}
	if check == "" {
		return s.writeKeyCheck(ctx)
	}
	sealed, err := base64.StdEncoding.DecodeString(check)
	if err == nil {
		_, err = s.Unseal(sealed, checkContext)
	}
	if err != nil {
		return sentencef(ErrKey, "store: %s is not the key this database was made with; put back the one from the backup", path)
	}
	return nil
}

func (s *Store) writeKeyCheck(ctx context.Context) error {
	sealed, err := s.Seal([]byte(checkText), checkContext)
	if err != nil {
		return err
	}
	return s.Update(ctx, func(tx *Tx) error {
		_, err := tx.meta("key_check", base64.StdEncoding.EncodeToString(sealed))
		return err
	})
}

// readKey reads a key file: 64 hexadecimal digits, lines with # are comments.
func readKey(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("store: opening the key: %w", err)
	}
	defer f.Close()
	if open, mode := openToOthers(path); open {
		return nil, sentencef(ErrKey, "store: %s can be read by other users (mode %04o); run: chmod 600 %s", path, mode, path)
	}
	text, err := io.ReadAll(io.LimitReader(f, maxKeyFile))
	if err != nil {
		return nil, fmt.Errorf("store: reading the key: %w", err)
	}
	var digits []byte
	for line := range bytes.Lines(text) {
		if line = bytes.TrimSpace(line); len(line) > 0 && line[0] != '#' {
			digits = append(digits, line...)
		}
	}
	key := make([]byte, hex.DecodedLen(len(digits)))
	if _, err := hex.Decode(key, digits); err != nil || len(key) != keySize {
		return nil, sentencef(ErrKey, "store: %s is damaged: it should hold %d hexadecimal digits; put it back from the backup",
			path, 2*keySize)
	}
	return key, nil
}

// makeKey writes a new key file. It is whole on the disk before it has its
// name, so a power cut leaves either no key or a good one.
func makeKey(dir string) ([]byte, error) {
	key := make([]byte, keySize)
	_, _ = rand.Read(key)                          // never fails
	f, err := os.CreateTemp(dir, keyName+".new-*") // made with mode 0600
	if err != nil {
		return nil, fmt.Errorf("store: making the key: %w", err)
	}
	_, err = fmt.Fprintf(f, "%s%x\n", keyComment, key)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, keyName))
	}
	if err == nil {
		err = syncDir(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("store: making the key: %w", errors.Join(err, os.Remove(f.Name())))
	}
	return key, nil
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("store: key: %w", err)
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return nil, fmt.Errorf("store: key: %w", err)
	}
	return aead, nil
}

// Seal encrypts and authenticates a secret for a table (AES-256-GCM). context
// says whose and what it is, such as "discord: token"; Unseal wants the same, so
// that a sealed value cannot be moved to another row.
func (s *Store) Seal(plain []byte, context string) ([]byte, error) {
	out := make([]byte, 1, 1+len(plain)+s.aead.Overhead())
	out[0] = sealVersion
	return s.aead.Seal(out, nil, plain, []byte(context)), nil
}

// Unseal undoes Seal. It fails for a value, a context or a key that is not the
// one it was sealed with.
func (s *Store) Unseal(sealed []byte, context string) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return nil, errors.New("store: unsealing: not a sealed value")
	}
	plain, err := s.aead.Open(nil, nil, sealed[1:], []byte(context))
	if err != nil {
		return nil, fmt.Errorf("store: unsealing %s: %w", context, err)
	}
	return plain, nil
}
