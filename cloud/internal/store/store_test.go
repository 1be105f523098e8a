package store

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

type row struct {
	N    int
	Text string
}

func open(t *testing.T, path string) (*Store, Table[row]) {
	t.Helper()
	s, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := NewTable[row](s, "rows")
	if err != nil {
		t.Fatal(err)
	}
	return s, rows
}

func TestWhatWasWrittenIsThereAgain(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s, rows := open(t, path)
	for i := range 100 {
		err := s.Update(func(tx *Tx) error {
			rows.Put(tx, fmt.Sprintf("k%03d", i), row{N: i})
			if i%10 == 3 {
				rows.Delete(tx, fmt.Sprintf("k%03d", i-1))
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s, rows = open(t, path)
	defer func() { _ = s.Close() }()
	var keys []string
	s.View(func(tx *Tx) {
		for k, v := range rows.All(tx, "k01") {
			if k != fmt.Sprintf("k%03d", v.N) {
				t.Errorf("%s holds %+v", k, v)
			}
			keys = append(keys, k)
		}
	})
	if got, want := strings.Join(keys, " "), "k010 k011 k013 k014 k015 k016 k017 k018 k019"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestAFailedUpdateChangesNothing(t *testing.T) {
	s, rows := open(t, "")
	boom := errors.New("boom")
	err := s.Update(func(tx *Tx) error {
		rows.Put(tx, "a", row{N: 1})
		if _, ok := rows.Get(tx, "a"); !ok {
			t.Error("a transaction does not see its own write")
		}
		return boom
	})
	if !errors.Is(err, boom) {
		t.Errorf("got %v", err)
	}
	s.View(func(tx *Tx) {
		if _, ok := rows.Get(tx, "a"); ok {
			t.Error("the write of a failed update is visible")
		}
	})
}

func TestIterationSeesStagedRowsAndMayDelete(t *testing.T) {
	s, rows := open(t, "")
	err := s.Update(func(tx *Tx) error {
		for _, k := range []string{"b", "a", "c"} {
			rows.Put(tx, k, row{Text: k})
		}
		var seen string
		for k := range rows.All(tx, "") {
			seen += k
			rows.Delete(tx, k)
		}
		if seen != "abc" {
			t.Errorf("saw %q", seen)
		}
		for k := range rows.All(tx, "") {
			t.Errorf("%s is still there", k)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestSubscriptionsTellOfTheirTablesOnly(t *testing.T) {
	s, rows := open(t, "")
	other, err := NewTable[row](s, "other")
	if err != nil {
		t.Fatal(err)
	}
	sub := s.Subscribe(rows.Name())
	defer sub.Close()
	put := func(tb Table[row]) {
		if err := s.Update(func(tx *Tx) error { tb.Put(tx, "x", row{}); return nil }); err != nil {
			t.Fatal(err)
		}
	}
	put(other)
	select {
	case <-sub.C:
		t.Error("told of another table")
	default:
	}
	put(rows)
	put(rows)
	<-sub.C
	select {
	case <-sub.C:
		t.Error("signals are not coalesced")
	default:
	}
}

func TestAFileHasOneOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s, _ := open(t, path)
	defer func() { _ = s.Close() }()
	if _, err := Open(path); !errors.Is(err, ErrInUse) {
		t.Errorf("got %v", err)
	}
}

func TestConcurrentWritersAreSerial(t *testing.T) {
	s, rows := open(t, filepath.Join(t.TempDir(), "state"))
	defer func() { _ = s.Close() }()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				err := s.Update(func(tx *Tx) error {
					r, _ := rows.Get(tx, "n")
					rows.Put(tx, "n", row{N: r.N + 1})
					return nil
				})
				if err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	s.View(func(tx *Tx) {
		if r, _ := rows.Get(tx, "n"); r.N != 400 {
			t.Errorf("counted %d of 400", r.N)
		}
	})
}

// writerEnv makes the test binary a writer that reports what was acknowledged.
const writerEnv = "TURNOUT_STORE_WRITER"

func TestMain(m *testing.M) {
	if path := os.Getenv(writerEnv); path != "" {
		write(path)
	}
	os.Exit(m.Run())
}

func write(path string) {
	s, err := Open(path)
	if err != nil {
		fmt.Println("open", err)
		os.Exit(1)
	}
	rows, err := NewTable[row](s, "rows")
	if err != nil {
		fmt.Println("load", err)
		os.Exit(1)
	}
	prefix := fmt.Sprint(os.Getpid())
	var mu sync.Mutex
	for g := range 4 {
		go func() {
			for i := 0; ; i++ {
				k := fmt.Sprintf("%s/%d/%d", prefix, g, i)
				if err := s.Update(func(tx *Tx) error {
					rows.Put(tx, k, row{N: i, Text: strings.Repeat("x", rand.IntN(2000))})
					return nil
				}); err != nil {
					os.Exit(1)
				}
				mu.Lock()
				fmt.Println(k)
				mu.Unlock()
			}
		}()
	}
	select {}
}

func TestAcknowledgedWritesSurviveKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	var acked []string
	for range 10 {
		cmd := exec.CommandContext(t.Context(), os.Args[0])
		cmd.Env = append(os.Environ(), writerEnv+"="+path)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		kill := time.AfterFunc(time.Duration(20+rand.IntN(60))*time.Millisecond, func() { _ = cmd.Process.Kill() })
		lines := bufio.NewReader(out)
		for {
			l, err := lines.ReadString('\n')
			if err != nil { // a torn last line was not acknowledged
				break
			}
			acked = append(acked, strings.TrimSpace(l))
		}
		_, _ = io.Copy(io.Discard, lines)
		_ = cmd.Wait() // killed
		kill.Stop()
	}
	if len(acked) == 0 {
		t.Fatal("nothing was acknowledged")
	}
	s, rows := open(t, path)
	defer func() { _ = s.Close() }()
	s.View(func(tx *Tx) {
		for _, k := range acked {
			if _, ok := rows.Get(tx, k); !ok {
				t.Fatalf("%q was acknowledged and is lost (of %d)", k, len(acked))
			}
		}
	})
}

func BenchmarkUpdate(b *testing.B) {
	for _, writers := range []int{1, 16} {
		b.Run(fmt.Sprintf("writers=%d", writers), func(b *testing.B) {
			s, err := Open(filepath.Join(b.TempDir(), "state"))
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			rows, err := NewTable[row](s, "rows")
			if err != nil {
				b.Fatal(err)
			}
			b.SetParallelism(writers)
			b.RunParallel(func(pb *testing.PB) {
				for i := 0; pb.Next(); i++ {
					if err := s.Update(func(tx *Tx) error { rows.Put(tx, fmt.Sprint(i%1000), row{N: i}); return nil }); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
