package appspec

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// slow is longer than any file within the bounds may take, on a busy machine too.
const slow = 2 * time.Second

func FuzzParse(f *testing.F) {
	f.Add([]byte(seed))
	f.Add([]byte("version: 0.0\nResources:\n  - TargetService:\n      Type: AWS::ECS::Service\n      Properties:\n        TaskDefinition: <TASK_DEFINITION>\n        LoadBalancerInfo: {ContainerName: web, ContainerPort: 80}\nHooks:\n  - BeforeAllowTraffic: check\n"))
	f.Add([]byte("a: &a [b]\nResources: *a\n"))
	for _, s := range hostile() {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		began := time.Now()
		a, err := Parse("appspec", src)
		if took := time.Since(began); took > slow {
			t.Errorf("%v for %d bytes", took, len(src))
		}
		if err != nil {
			if a != nil && !strings.Contains(err.Error(), "appspec") {
				t.Errorf("the error does not name the file: %v", err)
			}
			return
		}
		if a.Container() == "" || a.Port() < 1 {
			t.Errorf("accepted without container or port: %q", src)
		}
		if !bytes.Equal(a.Bytes(), src) {
			t.Errorf("reading it changed it: %q", a.Bytes())
		}
		if a.SetTaskDefinition("td:1") == nil {
			if b, err := Parse("again", a.Bytes()); err != nil || b.TaskDefinition() != "td:1" {
				t.Errorf("edited %q to %q: %v", src, a.Bytes(), err)
			}
		}
	})
}

// hostile are files that cost a parser much for their size.
func hostile() map[string]string {
	deep := ""
	for i := range 200 {
		deep += strings.Repeat(" ", i) + "a:\n"
	}
	return map[string]string{
		"brackets":    strings.Repeat("[", 30000),
		"braces":      strings.Repeat("{a: ", 10000),
		"JSON":        strings.Repeat(`{"a":`, 10000),
		"sequences":   strings.Repeat("- ", 30000),
		"keys":        strings.Repeat("? ", 30000),
		"indentation": deep,
		"aliases":     "a: &a [x, x]\nb: [" + strings.Repeat("*a, ", 5000) + "]\n",
		"size":        "a: " + strings.Repeat("x", maxSize),
	}
}

func TestHostileFilesAreRefusedBeforeTheyAreParsed(t *testing.T) {
	for name, src := range hostile() {
		began := time.Now()
		_, err := Parse("appspec.yaml", []byte(src))
		if err == nil || !strings.HasPrefix(err.Error(), "appspec.yaml") {
			t.Errorf("%s: got %v", name, err)
		}
		if took := time.Since(began); took > 100*time.Millisecond {
			t.Errorf("%s: took %v", name, took)
		}
	}
	large := filepath.Join(t.TempDir(), "appspec.yaml")
	if err := os.WriteFile(large, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Read(large); err == nil || !strings.Contains(err.Error(), "at most 64 KiB") {
		t.Errorf("got %v", err)
	}
}
