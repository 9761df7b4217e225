package store

import (
	"context"
	"fmt"
)

// update.go: how changes are committed together. One fsync costs more than ten
// messages, so that whoever waits for the turn to write joins the transaction that
// is open: each Update is a unit of it, behind a savepoint, on its own goroutine. The
// last one who finds nobody waiting commits for all. Who is alone commits at once.

const (
	// maxUnits is how many units one transaction takes: with more, the first would
	// wait longer for its end than for a disk.
	maxUnits = 64

	sqlSavepoint = "SAVEPOINT unit"
	sqlRelease   = "RELEASE unit"
	sqlUndo      = "ROLLBACK TO unit"
)

// group is a transaction under way and those whose changes are in it. All of it
// belongs to the holder of the turn, until done is closed.
type group struct {
	units int           // joined so far, failed ones too
	alone bool          // nobody may join
	wrote bool          // something was changed
	again []*waiter     // the places in the queue of those who succeeded, if they must run again
	done  chan struct{} // closed at the end
	err   error         // of the commit, when there is one unit
	whole bool          // committed
}

// Update runs fn in a transaction that has the write lock from its start. It
// commits if fn returns nil; an error or a panic of fn undoes all that fn did, and
// Update returns that very error or passes the panic on. When Update has
// returned nil, the change is on the disk. Calls take turns; a call whose
// context ends before its turn does nothing.
//
// The changes of several calls may be committed together; one that fails leaves the
// others alone. If such a commit fails, each of them is run once more by itself and
// in their order, so that fn must set what it reports, not add to it.
func (s *Store) Update(ctx context.Context, fn func(tx *Tx) error) error {
	if err := s.w.take(ctx); err != nil {
		return fmt.Errorf("store: beginning: %w", err)
	}
	g, place, err := s.unit(ctx, fn, false)
	if err != nil {
		return err
	}
	<-g.done
	if !g.whole && g.err == nil { // somebody else's fault
		<-place.turn
		if g, _, err = s.unit(ctx, fn, true); err != nil {
			return err
		}
		<-g.done
	}
	if g.err != nil {
		return fmt.Errorf("store: committing: %w", g.err)
	}
	return nil
}

// unit runs fn as a part of the group that is open, or of a new one, and gives the
// turn away. The caller has the turn. After an error the group has nothing of it.
func (s *Store) unit(ctx context.Context, fn func(tx *Tx) error, alone bool) (g *group, place *waiter, err error) {
	w := s.w
	first := w.group == nil
	if err := w.enter(ctx, alone); err != nil {
		s.judge(err)
		w.pass(s)
		return nil, nil, fmt.Errorf("store: beginning: %w", err)
	}
	kept := false
	defer func() {
		if !kept { // fn failed, panicked or called runtime.Goexit
			s.rollbacks.Add(1)
			w.undo(first)
		}
		w.pass(s)
	}()
	within, done := context.WithTimeout(context.WithoutCancel(ctx), queryTimeout)
	defer done()
	if err := fn(&Tx{s: s, session: session{ctx: within, prepare: w.prepare, changed: w.changed}}); err != nil {
		s.judge(err)
		return nil, nil, err
	}
	if !first {
		if err := w.exec(context.Background(), sqlRelease); err != nil {
			return nil, nil, fmt.Errorf("store: ending a change: %w", err)
		}
	}
	kept = true
	place = newWaiter(true)
	w.group.again = append(w.group.again, place)
	return w.group, place, nil
}

// enter begins a transaction or joins the one that is open. After an error the
// connection is closed, or the transaction is as it was.
func (w *writer) enter(ctx context.Context, alone bool) error {
	if w.group != nil {
		w.group.units++
		if err := w.exec(context.WithoutCancel(ctx), sqlSavepoint); err != nil {
			w.rollback()
			w.end(false, nil)
			return err
		}
		return nil
	}
	if err := w.begin(ctx); err != nil {
		w.drop()
		return err
	}
	w.group = &group{units: 1, alone: alone, done: make(chan struct{})}
	return nil
}

// undo takes a failed unit out of its group. If that cannot be done, or SQLite
// rolled back by itself, the group is at its end.
func (w *writer) undo(first bool) {
	if !first {
		ctx, done := context.WithTimeout(context.Background(), queryTimeout)
		defer done()
		err := w.exec(ctx, sqlUndo)
		if err == nil {
			err = w.exec(ctx, sqlRelease)
		}
		if err == nil {
			return
		}
	}
	w.rollback()
	w.end(false, nil)
}

// changed notes that the group has changes.
func (w *writer) changed() { w.group.wrote = true }

// pass gives the turn away: to the next who waits, into the open transaction if it
// has room, or to nobody, after the commit.
func (w *writer) pass(s *Store) {
	for {
		w.mu.Lock()
		if g := w.group; g != nil && (len(w.queue) == 0 || g.alone || w.queue[0].alone || g.units >= maxUnits) {
			w.mu.Unlock()
			w.settle(s)
			continue // somebody may have come meanwhile
		}
		if len(w.queue) == 0 {
			w.busy = false
		} else {
			next := w.queue[0]
			w.queue = w.queue[1:]
			next.handed = true
			close(next.turn)
		}
		w.mu.Unlock()
		return
	}
}

// settle commits the group.
func (w *writer) settle(s *Store) {
	err := w.commit()
	if err != nil {
		w.rollback()
		s.rollbacks.Add(uint64(len(w.group.again)))
	} else {
		s.commits.Add(uint64(len(w.group.again)))
		s.groups.Add(1)
	}
	if err != nil || w.group.wrote { // a commit of nothing needs no disk
		s.judge(err)
	}
	w.end(err == nil, err)
}

// end tells those who are in the group how it ended. Of several, nobody knows whose
// fault it was: each comes again by itself, before those who wait now.
func (w *writer) end(whole bool, err error) {
	g := w.group
	w.group = nil
	g.whole = whole
	if !whole && len(g.again) == 1 && err != nil {
		g.err = err
	} else if !whole {
		w.mu.Lock()
		w.queue = append(g.again, w.queue...)
		w.mu.Unlock()
	}
	close(g.done)
}
