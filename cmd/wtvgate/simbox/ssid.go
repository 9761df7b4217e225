package simbox

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	// family begins the SSID of emulated boxes, so that none of a real one comes out
	// (wtvp.md 3.1).
	family = 0x71
	// serialSize is the length of an SSID in bytes: the family, the number, a CRC.
	serialSize = 8
	seedSize   = 32
	seedFile   = "box.seed"
)

// SSID makes up the serial number of a simulated box: always the same for an
// account and the seed in dir, and nobody else's guess. In standalone mode the
// number is all that a box has to prove who it is (docs/standalone.md).
func SSID(dir, account string) (string, error) {
	seed, err := seedIn(dir)
	if err != nil {
		return "", fmt.Errorf("keeping the simulated box's serial number: %w", err)
	}
	mac := hmac.New(sha256.New, seed)
	mac.Write([]byte("wtvgate simulated box " + account))
	number := append([]byte{family}, mac.Sum(nil)[:serialSize-2]...)
	return hex.EncodeToString(append(number, crc8(number))), nil
}

// seedIn reads the seed, or makes one. Two that make one at once agree on the
// first: a link is never put in place of a file.
func seedIn(dir string) ([]byte, error) {
	path := filepath.Join(dir, seedFile)
	seed, err := os.ReadFile(path)
	if err == nil && len(seed) != seedSize {
		return nil, fmt.Errorf("%s is damaged; remove it", path)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return seed, err
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	seed = make([]byte, seedSize)
	if _, err := rand.Read(seed); err != nil {
		return nil, err
	}
	f, err := os.CreateTemp(dir, seedFile) // mode 0600
	if err != nil {
		return nil, err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(seed)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return os.ReadFile(path)
}

// crc8 is CRC-8/MAXIM, with which an SSID ends (wtvp.md 3.1).
func crc8(p []byte) (crc byte) {
	for _, b := range p {
		crc ^= b
		for range 8 {
			low := crc & 1
			crc >>= 1
			if low == 1 {
				crc ^= 0x8C
			}
		}
	}
	return crc
}
