package store

import (
	"bytes"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"
)

// sample is a state file with trees of several levels, values over several pages, small
// tables and free pages, and what its rows were before and after the last transaction.
func sample(t testing.TB) (file []byte, earlier, last map[string]string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "state")
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	tables := tablesOf(t, s)
	r := rand.New(rand.NewPCG(1, 2))
	put := func(n int) {
		for range n {
			table := tables[r.IntN(len(tables))]
			key, text := fmt.Sprintf("%s/%03d", strings.Repeat("k", r.IntN(200)), r.IntN(300)), strings.Repeat("x", r.IntN(600))
			if r.IntN(40) == 0 {
				text = strings.Repeat("y", 9000)
			}
			if table.Name() == "few" && len(all(s, tables[2])) > 2 {
				continue
			}
			if err := s.Update(func(tx *Tx) error { table.Put(tx, key, row{N: r.IntN(1000), Text: text}); return nil }); err != nil {
				t.Fatal(err)
			}
		}
	}
	put(400)
	earlier = all(s, tables...)
	if err := s.Update(func(tx *Tx) error { tables[0].Put(tx, "last", row{N: 1}); return nil }); err != nil {
		t.Fatal(err)
	}
	last = all(s, tables...)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return file, earlier, last
}

func tablesOf(t testing.TB, s *Store) []Table[row] {
	t.Helper()
	var out []Table[row]
	for _, name := range []string{"many", "more", "few"} {
		table, err := NewTable[row](s, name)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, table)
	}
	return out
}

func all(s *Store, tables ...Table[row]) map[string]string {
	rows := map[string]string{}
	s.View(func(tx *Tx) {
		for _, table := range tables {
			for k, v := range table.All(tx, "") {
				rows[table.Name()+"/"+k] = fmt.Sprint(v)
			}
		}
	})
	return rows
}

// reopened opens a state file of these bytes, writes to it, and returns what its rows were.
func reopened(t testing.TB, path string, file []byte) (map[string]string, error) {
	t.Helper()
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err != nil {
		if left, rerr := os.ReadFile(path); rerr != nil || !bytes.Equal(left, file) {
			t.Errorf("a file that is refused (%v) was changed: %v", err, rerr)
		}
		return nil, err
	}
	tables := tablesOf(t, s)
	rows := all(s, tables...)
	if err := s.Update(func(tx *Tx) error { tables[1].Put(tx, "new", row{Text: strings.Repeat("z", 5000)}); return nil }); err != nil {
		t.Errorf("write to the file: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	return rows, nil
}

// refusal tells whether an error says what is wrong with which file, and what to do.
func refusal(err error) bool {
	var fe *FileError
	return errors.As(err, &fe) && fe.Path != "" && fe.Next != "" && strings.Contains(err.Error(), fe.Path)
}

// Whatever happens to a state file, a store either refuses it or has rows as they once
// stood, at most without the last transaction; and nothing dies.
func TestDamage(t *testing.T) {
	file, earlier, last := sample(t)
	path := filepath.Join(t.TempDir(), "state")
	r := rand.New(rand.NewPCG(3, 4))
	refused, rounds := 0, 0
	try := func(what string, b []byte) {
		t.Helper()
		rounds++
		rows, err := reopened(t, path, b)
		switch {
		case err == nil && !maps.Equal(rows, last) && !maps.Equal(rows, earlier):
			t.Errorf("%s: opened with other rows than it had", what)
		case err != nil && !refusal(err):
			t.Errorf("%s: %v", what, err)
		case err != nil:
			refused++
		}
	}
	until := time.Now().Add(4 * time.Second)
	for i := 0; i < 3000 && time.Now().Before(until); i++ {
		b := bytes.Clone(file)
		at := r.IntN(len(b))
		switch i % 4 {
		case 0, 1:
			b[at] ^= 1 << r.IntN(8)
			try(fmt.Sprintf("a bit at %d", at), b)
		case 2:
			at, n := at/4096*4096, 1+r.IntN(64)
			for j := range n { // headers and elements stand at the beginning of pages
				b[at+j] ^= byte(r.IntN(256))
			}
			try(fmt.Sprintf("%d bytes at %d", n, at), b)
		case 3:
			n := min(len(b)-at, r.IntN(5000))
			copy(b[at:at+n], bytes.Repeat([]byte{byte(r.IntN(256))}, n))
			try(fmt.Sprintf("%d equal bytes at %d", n, at), b)
		}
	}
	for n := 0; n < len(file); n += max(512, len(file)/64) {
		try(fmt.Sprintf("cut at %d", n), file[:n])
	}
	t.Logf("%d of %d damaged files were refused", refused, rounds)
	if refused < rounds/4 {
		t.Errorf("%d of %d damaged files were refused", refused, rounds)
	}
}

func TestFilesThatAreNone(t *testing.T) {
	file, _, _ := sample(t)
	newer := func(t *testing.T, path string) {
		if err := writeFile(path, []change{{formTable, formKey, []byte("3")}}); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		make       func(t *testing.T, path string)
		says, next string
	}{
		"empty":     {func(t *testing.T, path string) { put(t, path, nil) }, "it is damaged: it is empty", "mv "},
		"text":      {func(t *testing.T, path string) { put(t, path, bytes.Repeat([]byte("text "), 9999)) }, "it is damaged", "mv "},
		"zeroes":    {func(t *testing.T, path string) { put(t, path, make([]byte, 1<<16)) }, "it is damaged", "mv "},
		"cut":       {func(t *testing.T, path string) { put(t, path, file[:len(file)/2]) }, "bytes are left of at least", "mv "},
		"folder":    {func(t *testing.T, path string) { _ = os.Mkdir(path, 0o700) }, "it is not a file", "mv "},
		"newer":     {newer, "written by a newer program: its form has version 3", "use that program"},
		"newer yet": {func(t *testing.T, path string) { put(t, path, versioned(file, 3)) }, "written by a newer program: its database has version 3", "use that program"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state")
			c.make(t, path)
			for what, open := range map[string]func(string) (*Store, error){"open": Open, "in memory": OpenMemory} {
				_, err := open(path)
				var fe *FileError
				if !errors.As(err, &fe) || !strings.HasPrefix(err.Error(), "state file "+path+": ") || !strings.Contains(err.Error(), c.says) || !strings.Contains(fe.Next, c.next) {
					t.Errorf("%s: %v, next: %+v", what, err, fe)
				}
			}
			if _, err := os.Stat(path); err != nil {
				t.Errorf("what was refused is gone: %v", err)
			}
		})
	}
}

func put(t *testing.T, path string, b []byte) {
	t.Helper()
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// versioned gives the database's metas another version.
func versioned(file []byte, version uint32) []byte {
	b := bytes.Clone(file)
	for _, at := range []int{pageHeader, os.Getpagesize() + pageHeader} {
		m := b[at : at+metaSize]
		native.PutUint32(m[4:], version)
		sum := fnv.New64a()
		_, _ = sum.Write(m[:metaSize-8]) // never fails
		native.PutUint64(m[metaSize-8:], sum.Sum64())
	}
	return b
}

// A row that has changed in a way that its table does not understand is told of by name.
func TestARowThatDoesNotDecode(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	if err := writeFile(path, []change{stamp(), {"many", "k", []byte(`{"N":"text"}`)}}); err != nil {
		t.Fatal(err)
	}
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := NewTable[row](s, "many"); !refusal(err) || !strings.Contains(err.Error(), `table many, row "k"`) {
		t.Errorf("got %v", err)
	}
}

// Files of the first form, whose rows have no seals, are read, and written on in the present one.
func TestAFileOfTheFirstForm(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	db, err := bbolt.Open(path, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	db.NoFreelistSync = true
	if err := db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucket([]byte("many"))
		return errors.Join(err, b.Put([]byte("k"), []byte(`{"N":7}`)))
	}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s, err := Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if rows := all(s, tablesOf(t, s)...); rows["many/k"] != "{7 }" {
			t.Errorf("it has %v", rows)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if version, err := readThrough(path); version != formNow || err != nil {
			t.Errorf("its form is %d, %v", version, err)
		}
	}
}

func FuzzStateFile(f *testing.F) {
	path := filepath.Join(f.TempDir(), "state")
	if err := writeFile(path, []change{stamp(), {"many", "k", []byte(`{"N":7}`)}, {"few", "k", []byte(`{"N":8}`)}}); err != nil {
		f.Fatal(err)
	}
	file, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	// Each input is a page of the file by its number, and what is there instead.
	for page := range len(file) / os.Getpagesize() {
		f.Add(uint8(page), file[page*os.Getpagesize():][:160])
	}
	f.Fuzz(func(t *testing.T, page uint8, content []byte) {
		b := bytes.Clone(file)
		if at := int(page) * os.Getpagesize(); at < len(b) {
			copy(b[at:], content)
		}
		// A meta that was changed is made valid again, so that what it says is looked at.
		if page < 2 {
			m := b[int(page)*os.Getpagesize()+pageHeader:][:metaSize]
			sum := fnv.New64a()
			_, _ = sum.Write(m[:metaSize-8]) // never fails
			native.PutUint64(m[metaSize-8:], sum.Sum64())
		}
		path := filepath.Join(t.TempDir(), "state")
		put(t, path, b)
		s, err := Open(path)
		if err != nil && !refusal(err) {
			t.Errorf("got %v", err)
		}
		if err == nil {
			_, _ = NewTable[row](s, "many") // a row that does not decode is fine
			_, _ = NewTable[row](s, "few")
			_ = s.Close() // as above
		}
	})
}
