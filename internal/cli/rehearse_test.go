package cli

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/turnoutdev/turnout/internal/rehearse"
	"github.com/turnoutdev/turnout/internal/term"
)

// rehearsal runs `turnout rehearse` and returns its report.
func rehearsal(t *testing.T, args ...string) rehearse.Report {
	t.Helper()
	var out, talk bytes.Buffer
	code := checked(t.Context(), t, append([]string{"rehearse", "--json", "--builder", "builtin"}, args...), &term.Streams{Out: &out, Err: &talk})
	var rep rehearse.Report
	if err := json.Unmarshal(out.Bytes(), &rep); err != nil {
		t.Fatalf("exit code %d, %v\n%s%s", code, err, out.String(), talk.String())
	}
	if code != 0 || !rep.OK {
		t.Fatalf("exit code %d\n%s", code, talk.String())
	}
	return rep
}

func TestRehearseWithEveryKindOfConfiguration(t *testing.T) {
	for _, config := range []string{"CodeDeployDefault.ECSAllAtOnce", "CodeDeployDefault.ECSCanary10Percent5Minutes", "CodeDeployDefault.ECSLinear10PercentEvery1Minutes"} {
		t.Run(config, func(t *testing.T) {
			rep := rehearsal(t, "--driver", "native", "--config", config, "../../examples/hello")
			ship, drill := rep.Acts[0], rep.Acts[1]
			if ship.Deployment == "" || drill.Rollback == "" || ship.Failures()+drill.Failures() != 0 {
				t.Errorf("report %+v", rep)
			}
			if len(ship.Colours) != 2 || len(drill.Colours) != 1 || drill.Colours[0].Group != "hello-green" {
				t.Errorf("served by %+v, then by %+v", ship.Colours, drill.Colours)
			}
		})
	}
}

func TestRehearseLeavesNothingBehind(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	rehearsal(t, "--driver", "native", "--rate", "50", "../../examples/hello")
	left, err := filepath.Glob(tmp + "/*")
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
	v := &victim{state: tmp}
	if procs := v.survivors(); len(procs) > 0 {
		t.Errorf("processes left behind: %v", procs)
	}
}

// JSON fields are an interface: they are spelt again here.
func TestReportsFields(t *testing.T) {
	b, err := json.Marshal(rehearse.Report{Acts: []rehearse.Act{{Took: time.Second, Why: "w", Deployment: "d", Rollback: "r", Colours: []rehearse.ColourStats{{Example: "e"}}}}})
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"ok":false,"rate":0,"acts":[{"name":"","ok":false,"why":"w","took":1000000000,"deployment":"d","rollback":"r",` +
		`"colours":[{"targetGroup":"","requests":0,"failures":0,"p50":0,"p99":0,"example":"e"}]}],"stream":{"opened":0,"events":0,"failed":0},"facts":{}}`
	if string(b) != want {
		t.Errorf("got  %s\nwant %s", b, want)
	}
}

func TestCtrlCInTheMiddleLeavesNothing(t *testing.T) {
	tmp := t.TempDir()
	t.Setenv("TMPDIR", tmp)
	v := &victim{t: t, state: tmp}
	for _, after := range []time.Duration{0, 600 * time.Millisecond, 2 * time.Second} {
		c := command("rehearse", "--driver", "native", "--builder", "builtin", "../../examples/hello")
		talk, err := c.StderrPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewReader(talk)
		if _, err := lines.ReadString('\n'); err != nil { // before it says something, it may not listen to signals
			t.Fatal(err)
		}
		go func() { _, _ = io.Copy(io.Discard, lines) }() // ends with the process
		time.Sleep(after)
		if err := c.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		err = c.Wait()
		if code := c.ProcessState.ExitCode(); code != 130 {
			t.Errorf("interrupted after %v: exit code %d, %v", after, code, err)
		}
		if procs := v.survivors(); len(procs) > 0 {
			t.Errorf("interrupted after %v: processes left behind: %v", after, procs)
		}
		if left, _ := filepath.Glob(tmp + "/*"); len(left) > 0 {
			t.Errorf("interrupted after %v: left behind: %v", after, left)
		}
	}
}

// A task definition made for production names roles of its own account: the rehearsal's
// cloud is that account, and the roles are made.
func TestRehearseWithProductionsRoles(t *testing.T) {
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("../../examples/hello")); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "taskdef.json")
	def, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	def = bytes.Replace(def, []byte(`"executionRoleArn": "arn:aws:iam::123456789012:role/ecsTaskExecutionRole",`),
		[]byte(`"executionRoleArn": "arn:aws:iam::998877665544:role/apps/prod-exec", "taskRoleArn": "arn:aws:iam::998877665544:role/prod-hello",`), 1)
	for name, content := range map[string][]byte{"taskdef.json": def, "go.mod": []byte("module hello\n\ngo 1.26\n")} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	rep := rehearsal(t, "--driver", "native", "--rate", "50", dir)
	if td := rep.Facts.TaskDefinition; !strings.HasPrefix(td, "arn:aws:ecs:us-east-1:998877665544:") {
		t.Errorf("rehearsed with %s", td)
	}
}
