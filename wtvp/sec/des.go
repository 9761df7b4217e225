package sec

import (
	"crypto/cipher"
	"crypto/des"
	"errors"
	"fmt"
)

const blockSize = des.BlockSize

// errPadding is returned for a last block that no encoder makes.
var errPadding = errors.New("bad padding")

func block(k Key) cipher.Block {
	b, err := des.NewCipher(k[:])
	if err != nil {
		panic("sec: " + err.Error()) // only for a key that is not 8 bytes, which Key rules out
	}
	return b
}

// encipher is DES-ECB over whole blocks, into a new slice.
func encipher(k Key, plain []byte) []byte {
	b, out := block(k), make([]byte, len(plain))
	for i := 0; i+blockSize <= len(plain); i += blockSize {
		b.Encrypt(out[i:], plain[i:])
	}
	return out
}

// decipher undoes encipher; len(ciphered) is a multiple of 8.
func decipher(k Key, ciphered []byte) []byte {
	b, out := block(k), make([]byte, len(ciphered))
	for i := 0; i+blockSize <= len(ciphered); i += blockSize {
		b.Decrypt(out[i:], ciphered[i:])
	}
	return out
}

// pad appends PKCS#5 padding: always 1 to 8 bytes, each telling how many.
func pad(plain []byte) []byte {
	n := blockSize - len(plain)%blockSize
	out := make([]byte, len(plain), len(plain)+n)
	copy(out, plain)
	for range n {
		out = append(out, byte(n))
	}
	return out
}

// unpad undoes pad and refuses what pad cannot have made.
func unpad(b []byte) ([]byte, error) {
	if len(b) == 0 || len(b)%blockSize != 0 {
		return nil, fmt.Errorf("%w: %d bytes", errPadding, len(b))
	}
	n := int(b[len(b)-1])
	if n == 0 || n > blockSize {
		return nil, errPadding
	}
	for _, c := range b[len(b)-n:] {
		if int(c) != n {
			return nil, errPadding
		}
	}
	return b[:len(b)-n], nil
}
