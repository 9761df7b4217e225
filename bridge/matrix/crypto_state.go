package matrix

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"maunium.net/go/mautrix/event"
	mid "maunium.net/go/mautrix/id"
)

// crypto_state.go: what the library must know of rooms, from our own table. The
// library's state store is not used: as it comes for bridges it asks a table
// that is not there and then never changes keys (matrix.md 5.7).

type mxRoom = mid.RoomID

// stateStore implements crypto.StateStore.
type stateStore struct{ n *Network }

// IsEncrypted tells whether a room is encrypted.
func (s stateStore) IsEncrypted(ctx context.Context, rid mid.RoomID) (bool, error) {
	r, ok, err := s.n.roomByID(ctx, rid)
	return ok && r.encrypted, err
}

// GetEncryptionEvent gives what the room says of its encryption; nil if it says
// nothing or is not encrypted.
func (s stateStore) GetEncryptionEvent(ctx context.Context, rid mid.RoomID) (*event.EncryptionEventContent, error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	var raw string
	err := s.n.db.QueryRowContext(ctx, `SELECT encryption FROM matrix_rooms WHERE room = ? AND encrypted = 1`, rid).Scan(&raw)
	if errors.Is(err, sql.ErrNoRows) || err == nil && raw == "" {
		return nil, nil
	} else if err != nil {
		return nil, fmt.Errorf("matrix: find encryption: %w", err)
	}
	var c event.EncryptionEventContent
	if json.Unmarshal([]byte(raw), &c) != nil {
		return nil, nil // strange values count as none: the library has defaults
	}
	return &c, nil
}

// FindSharedRooms lists the encrypted rooms that any ghost has with a friend.
func (s stateStore) FindSharedRooms(ctx context.Context, user mid.UserID) ([]mid.RoomID, error) {
	ctx, cancel := dbContext(ctx)
	defer cancel()
	rows, err := s.n.db.QueryContext(ctx, `SELECT room FROM matrix_rooms WHERE friend = ? AND encrypted = 1 AND state <> ?`, user, stateLeft)
	if err != nil {
		return nil, fmt.Errorf("matrix: find shared rooms: %w", err)
	}
	defer rows.Close()
	var all []mid.RoomID
	for rows.Next() {
		var r mid.RoomID
		if err := rows.Scan(&r); err != nil {
			return nil, fmt.Errorf("matrix: find shared rooms: %w", err)
		}
		all = append(all, r)
	}
	return all, rows.Err()
}

// setEncrypted notes that a room is encrypted, for ever, and what it says of it.
func (n *Network) setEncrypted(ctx context.Context, rid mid.RoomID, content json.RawMessage) error {
	if len(content) > maxEncryptionContent {
		content = nil
	}
	return n.exec(ctx, "store encryption", `UPDATE matrix_rooms SET encrypted = 1, encryption = ? WHERE room = ?`, string(content), rid)
}

// maxEncryptionContent bounds what is kept of an m.room.encryption: three fields.
const maxEncryptionContent = 4096
