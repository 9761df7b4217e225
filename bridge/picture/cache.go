package picture

import (
	"container/list"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// cache keeps finished pictures in a folder, up to a number of bytes; those that
// nobody has asked for the longest go first. File times carry the order over a
// restart.
type cache struct {
	dir   string
	limit int64

	mu      sync.Mutex
	entries map[string]*list.Element // of *entry, by file
	order   *list.List               // the most recently asked for first
	size    int64
}

type entry struct {
	file string
	ext  string
	size int64
}

// kinds are the ends of file names and what they mean.
var kinds = map[string]string{".jpg": "image/jpeg", ".gif": "image/gif"}

// fileLength is the length of a picture's name: a digest in hexadecimal digits.
const fileLength = 64

// openCache reads the folder, which it makes if it is not there.
func openCache(dir string, limit int64) (*cache, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("picture: making the folder of pictures: %w", err)
	}
	all, err := os.ReadDir(dir)
	if err != nil {
		return nil, fmt.Errorf("picture: reading the folder of pictures: %w", err)
	}
	c := &cache{dir: dir, limit: limit, entries: make(map[string]*list.Element), order: list.New()}
	type found struct {
		entry
		used time.Time
	}
	var old []found
	for _, f := range all {
		file, ext := strings.TrimSuffix(f.Name(), filepath.Ext(f.Name())), filepath.Ext(f.Name())
		info, err := f.Info()
		switch {
		case err != nil || !f.Type().IsRegular():
		case ext == unfinished:
			_ = os.Remove(filepath.Join(dir, f.Name())) // we were interrupted
		case len(file) == fileLength && kinds[ext] != "":
			old = append(old, found{entry{file, ext, info.Size()}, info.ModTime()})
		}
	}
	slices.SortFunc(old, func(a, b found) int { return a.used.Compare(b.used) })
	for _, f := range old {
		c.add(f.entry)
	}
	c.evict()
	return c, nil
}

// unfinished ends the name of a file that is not whole yet.
const unfinished = ".new"

func (c *cache) name(e entry) string { return filepath.Join(c.dir, e.file+e.ext) }

// add takes an entry in as the newest.
func (c *cache) add(e entry) {
	if there := c.entries[e.file]; there != nil {
		c.size -= there.Value.(*entry).size
		c.order.Remove(there)
	}
	c.entries[e.file] = c.order.PushFront(&e)
	c.size += e.size
}

// drop forgets an entry.
func (c *cache) drop(el *list.Element) {
	e := c.order.Remove(el).(*entry)
	delete(c.entries, e.file)
	c.size -= e.size
}

// evict makes room, and leaves at least the newest.
func (c *cache) evict() {
	for c.size > c.limit && c.order.Len() > 1 {
		el := c.order.Back()
		_ = os.Remove(c.name(*el.Value.(*entry))) // if it stays, the next start finds it
		c.drop(el)
	}
}

// get finds a picture.
func (c *cache) get(file string) (Picture, bool) {
	c.mu.Lock()
	el := c.entries[file]
	var e entry
	if el != nil {
		e = *el.Value.(*entry)
		c.order.MoveToFront(el)
	}
	c.mu.Unlock()
	if el == nil {
		return Picture{}, false
	}
	data, err := os.ReadFile(c.name(e))
	if err != nil || int64(len(data)) != e.size { // somebody tidied up, or the disk is damaged
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.entries[file] == el {
			c.drop(el)
		}
		return Picture{}, false
	}
	now := time.Now()
	_ = os.Chtimes(c.name(e), now, now) // the order after a restart is of no great weight
	return Picture{kinds[e.ext], data}, true
}

// put keeps a picture. The file is there whole or not at all.
func (c *cache) put(file string, p Picture) error {
	e := entry{file: file, ext: ".jpg", size: int64(len(p.Data))}
	if p.Type == kinds[".gif"] {
		e.ext = ".gif"
	}
	fresh := filepath.Join(c.dir, file+unfinished)
	err := os.WriteFile(fresh, p.Data, 0o600)
	if err == nil {
		err = os.Rename(fresh, c.name(e))
	}
	if err != nil {
		if rerr := os.Remove(fresh); rerr != nil && !errors.Is(rerr, fs.ErrNotExist) {
			err = errors.Join(err, rerr)
		}
		return fmt.Errorf("picture: keeping a picture: %w", err)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.add(e)
	c.evict()
	return nil
}
