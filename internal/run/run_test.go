package run

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/taskdef"
	"github.com/turnoutdev/turnout/internal/watch"
)

// What is asked for counts most, then what was built, then the configuration.
func TestTheOrderOfChanges(t *testing.T) {
	const document = `{"family":"web","containerDefinitions":[{"name":"web","image":"old"},{"name":"side","image":"old"}]}`
	for want, r := range map[string]*Run{
		"old old":          {Config: &config.Config{}},
		"built old":        {Config: &config.Config{}, Facts: Facts{Image: "built"}},
		"built configured": {Config: &config.Config{Render: config.Render{Containers: []config.Container{{Image: "configured"}, {Name: "side", Image: "configured"}}}}, Facts: Facts{Image: "built"}},
		"asked asked":      {Config: &config.Config{Render: config.Render{Containers: []config.Container{{Name: "side", Image: "configured"}}}}, Facts: Facts{Image: "built"}, Options: Options{Images: []Image{{"", "given"}, {"side", "asked"}}, Change: taskdef.OfImage("", "asked")}},
	} {
		td, err := taskdef.Parse("taskdef.json", []byte(document))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := td.Apply("web", r.Change()); err != nil {
			t.Fatal(err)
		}
		web, _ := td.Image("web")
		side, _ := td.Image("side")
		if web+" "+side != want {
			t.Errorf("%s %s, want %s", web, side, want)
		}
	}
}

func TestFinishUndoesTheLastFirst(t *testing.T) {
	var r Run
	order := ""
	one, two := errors.New("one"), errors.New("two")
	r.Cleanup(func() error { order += "1"; return one })
	r.Cleanup(func() error { order += "2"; return two })
	if err := r.Finish(); order != "21" || !errors.Is(err, one) || !errors.Is(err, two) {
		t.Errorf("%s, %v", order, err)
	}
	if err := r.Finish(); err != nil || order != "21" {
		t.Errorf("undone twice: %s, %v", order, err)
	}
}

// Options are journaled; what may be secret in them is not.
func TestSecretsStayOutOfTheJournal(t *testing.T) {
	b, err := json.Marshal(Options{Change: taskdef.OfImage("", "secret"), Changed: true, Ask: func(string, ...string) (string, error) { return "", nil }, WaitUntil: watch.Shifted})
	if err != nil || strings.Contains(string(b), "secret") || string(b) != `{"waitUntil":"shifted","changed":true}` {
		t.Errorf("%s, %v", b, err)
	}
	if (&Run{}).Until() != watch.Done || (&Run{Options: Options{WaitUntil: watch.Created}}).Until() != watch.Created {
		t.Error("how far to wait")
	}
}
