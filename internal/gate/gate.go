// Package gate decides, while a deployment waits at Ready, whether its traffic may move:
// by a command or by an HTTP check of the new tasks, without a Lambda function.
package gate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Gate is one check. It has a command or a path.
type Gate struct {
	Name     string
	Run      []string // argv; exit code 0 opens the gate
	Dir      string   // where it runs
	Path     string   // asked of the new tasks, through the test listener
	Status   int      // that it is to answer
	Contains string   // what the answer is to contain, "" for anything
	Timeout  time.Duration
}

// Scene is what a gate's command finds in its environment, as TURNOUT_….
type Scene struct {
	URL            string // of the test listener, without a slash at its end
	DeploymentID   string
	TaskDefinition string
	Image          string
	Cluster        string
	Service        string
}

func (s Scene) environ() []string {
	return append(os.Environ(),
		"TURNOUT_URL="+s.URL, "TURNOUT_DEPLOYMENT_ID="+s.DeploymentID, "TURNOUT_TASK_DEFINITION="+s.TaskDefinition,
		"TURNOUT_IMAGE="+s.Image, "TURNOUT_CLUSTER="+s.Cluster, "TURNOUT_SERVICE="+s.Service)
}

// lastLines is how much of a command's output an error shows.
const lastLines = 15

// Pass tries the gate until it opens or its time is over; a command runs once. Each line
// that a command writes goes to tell, and why the gate is asked again.
func (g Gate) Pass(ctx context.Context, s Scene, tell func(string)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, g.Timeout, fmt.Errorf("it took longer than %s", g.Timeout))
	defer cancel()
	if len(g.Run) > 0 {
		return g.command(ctx, s, tell)
	}
	var last error
	for {
		err := g.ask(ctx, s.URL+g.Path)
		switch {
		case err == nil:
			return nil
		case last == nil:
			tell(fmt.Sprintf("gate %s is closed: %v; asking again for up to %s", g.Name, err, g.Timeout))
			fallthrough
		case ctx.Err() == nil:
			last = err
		}
		select {
		case <-time.After(time.Second):
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), context.Canceled) {
				return context.Cause(ctx)
			}
			return fmt.Errorf("gate %s: %w", g.Name, last)
		}
	}
}

func (g Gate) command(ctx context.Context, s Scene, tell func(string)) error {
	c := exec.CommandContext(ctx, g.Run[0], g.Run[1:]...)
	c.Dir, c.Env = g.Dir, s.environ()
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	c.WaitDelay = 5 * time.Second
	out := &lines{tell: tell}
	c.Stdout, c.Stderr = out, out
	err := c.Run()
	out.flush()
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		err = context.Cause(ctx)
	}
	name := g.Name
	if command := strings.Join(g.Run, " "); command != name {
		name += ": " + command
	}
	if len(out.last) > 0 {
		return fmt.Errorf("gate %s: %w\n%s", name, err, strings.Join(out.last, "\n"))
	}
	return fmt.Errorf("gate %s: %w", name, err)
}

// ask makes one request.
func (g Gate) ask(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", url, err)
	case res.StatusCode != g.Status:
		return fmt.Errorf("%s answered %d, expected %d", url, res.StatusCode, g.Status)
	case !strings.Contains(string(body), g.Contains):
		return fmt.Errorf("%s does not contain %q", url, g.Contains)
	}
	return nil
}

// lines hands whole lines on and keeps the last ones.
type lines struct {
	tell func(string)
	part string
	last []string
}

func (l *lines) Write(p []byte) (int, error) {
	text := l.part + string(p)
	for {
		line, rest, ok := strings.Cut(text, "\n")
		if !ok {
			break
		}
		l.add(line)
		text = rest
	}
	l.part = text
	return len(p), nil
}

func (l *lines) flush() {
	if l.part != "" {
		l.add(l.part)
	}
	l.part = ""
}

func (l *lines) add(line string) {
	l.tell(line)
	l.last = append(l.last, line)
	if len(l.last) > lastLines {
		l.last = l.last[1:]
	}
}
