// Package id has the gateway's typed identifiers: their text forms and how to
// read them, and nothing else. A Matrix id, an address, an account and a
// message number are different types so that they cannot be swapped.
package id

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Network names a place where friends live: matrix, discord, loopback.
type Network string

// Local is the network of the gateway's own accounts. It has no Network
// implementation: messages to it go to the other account's inbox.
const Local Network = "local"

// Remote is a person or room in its network's own words, such as
// @bob:example.org. Only the network that made it may look inside.
type Remote string

// Event is a message's identity in its network, such as $abc. It is the key by
// which a repeated event is recognised.
type Event string

// Message is one of our messages for ever: every try to send it carries the
// same value, from which networks derive their idempotency key.
type Message string

// Account is the address of an account of ours, lower case.
type Account string

// Address is what an account's contacts look like: something like an e-mail
// address, lower case, valid as an MSNP argument.
type Address string

// Address of the account as others have it on their lists.
func (a Account) Address() Address { return Address(a) }

// Local is the part before the @.
func (a Account) Local() string { return Address(a).Local() }

// Conversation is what is said between an account and one contact. Order is
// kept inside it and nowhere else.
type Conversation struct {
	Account Account
	Peer    Address
}

// String is account/peer, for logs.
func (c Conversation) String() string { return string(c.Account) + "/" + string(c.Peer) }

// MaxAddress is the longest address a client may have on a list (msnp.md 15).
const MaxAddress = 129

// ErrAddress is what every refusal of ParseAddress wraps.
var ErrAddress = errors.New("not an address")

// ParseAddress checks the form of an address and folds it to lower case. It
// wants local@domain without spaces, control characters, '%' or anything
// beyond ASCII; the domain may carry a port (bob@hs.example.org:8448) and need
// not have a dot: whether a domain is served is for the caller to know.
func ParseAddress(s string) (Address, error) {
	if len(s) > MaxAddress {
		return "", fmt.Errorf("%w: longer than %d bytes", ErrAddress, MaxAddress)
	}
	local, domain, ok := strings.Cut(s, "@")
	if !ok || local == "" || domain == "" || strings.Contains(domain, "@") {
		return "", fmt.Errorf("%w: it must look like name@domain", ErrAddress)
	}
	for i := 0; i < len(s); i++ {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '%' {
			return "", fmt.Errorf("%w: it holds a character that cannot stand in one", ErrAddress)
		}
	}
	if !validDomain(domain) {
		return "", fmt.Errorf("%w: %q is no domain", ErrAddress, domain)
	}
	return Address(strings.ToLower(s)), nil
}

// validDomain takes host names, dotted addresses and [v6], each with an
// optional port.
func validDomain(d string) bool {
	host, port, found := d, "", false
	if i := strings.LastIndexByte(d, ':'); i >= 0 && !strings.HasSuffix(d, "]") {
		host, port, found = d[:i], d[i+1:], true
	}
	if found {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	if strings.HasPrefix(host, "[") && strings.HasSuffix(host, "]") {
		return strings.Trim(host[1:len(host)-1], "0123456789abcdefABCDEF:.") == "" && len(host) > 4
	}
	if host == "" || len(host) > 253 || host[0] == '.' || host[0] == '-' || host[len(host)-1] == '.' {
		return false
	}
	label := 0
	for i := 0; i < len(host); i++ {
		switch c := host[i]; {
		case c == '.':
			if label == 0 {
				return false
			}
			label = -1
		case c == '-', '0' <= c && c <= '9', 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		default:
			return false
		}
		if label++; label > 63 {
			return false
		}
	}
	return true
}

// Local is the part before the @.
func (a Address) Local() string {
	l, _, _ := strings.Cut(string(a), "@")
	return l
}

// Domain is the part after the @.
func (a Address) Domain() string {
	_, d, _ := strings.Cut(string(a), "@")
	return d
}
