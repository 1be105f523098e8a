package cli

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/turnoutdev/turnout/internal/config"
	"github.com/turnoutdev/turnout/internal/fault"
	"github.com/turnoutdev/turnout/internal/pipeline"
	"github.com/turnoutdev/turnout/internal/run"
	"github.com/turnoutdev/turnout/internal/term"
)

func newResume(g *global) *cobra.Command {
	c := &cobra.Command{
		Use:   "resume [RUN]",
		Short: "Go on with a run that was interrupted, without deploying twice",
		Long: `Resume picks a run of ship, build or deploy up where it stood when it was interrupted:
by Ctrl-C, a cancelled job, a crash or a lost connection. What was pushed, registered or
created already is not done again; a deployment that CodeDeploy had created before the
run could note it is found and followed. Without an id, the newest run that did not end.`,
		Example: "  turnout resume\n  turnout resume 20261123T101500-3f2a",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			id := ""
			if len(args) == 1 {
				id = args[0]
			}
			return g.resume(c.Context(), id)
		},
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return journaled(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	g.cloudFlags(c)
	g.jsonFlag(c)
	return c
}

// journaled are the runs that can be named, for shells to complete.
func journaled() []string {
	dir, err := run.Folder()
	if err != nil {
		return nil
	}
	ids, _ := run.List(dir) // none can be named without one
	return ids
}

func (g *global) resume(ctx context.Context, id string) error {
	dir, err := run.Folder()
	if err != nil {
		return err
	}
	if id == "" {
		if id, err = unfinished(dir); err != nil {
			return err
		}
	}
	journal, entries, err := run.Reopen(dir, id)
	if errors.Is(err, fs.ErrNotExist) {
		return fault.New(fault.Usage, "journals are kept in "+dir, "there is no run %s", id)
	}
	if err != nil {
		return err
	}
	r, err := g.again(ctx, id, entries)
	if err != nil {
		return errors.Join(err, journal.Close())
	}
	r.Journal = journal
	g.Talk("going on with run %s, %s of %s", id, r.Start.Verb, r.Config.Service)
	if err := g.execute(ctx, r); err != nil || r.Start.Bundle == nil {
		return err
	}
	return os.RemoveAll(filepath.Dir(r.Start.File)) // what the bundle was unpacked to
}

// unfinished is the newest run that neither ended nor failed for good.
func unfinished(dir string) (string, error) {
	ids, err := run.List(dir)
	if err != nil {
		return "", err
	}
	for _, id := range ids {
		entries, err := run.ReadJournal(run.Path(dir, id))
		if err == nil && resumable(entries) == nil {
			return id, nil
		}
	}
	return "", fault.New(fault.Usage, "`turnout resume RUN` names one", "no run in %s was interrupted", dir)
}

// resumable tells why a run cannot be picked up again, nil if it can.
func resumable(entries []run.Entry) error {
	if len(entries) == 0 {
		return errors.New("it ended before its first step")
	}
	if entries[0].Start == nil || entries[0].Start.Options == nil || pipeline.Lists[entries[0].Start.Verb] == nil {
		return errors.New("its journal does not say how it was started")
	}
	switch last := entries[len(entries)-1]; {
	case last.Event == "end":
		return fmt.Errorf("it ended at %s", last.Time.Local().Format(time.DateTime))
	case last.Facts != nil && slices.Contains([]string{"Failed", "Stopped"}, last.Facts.Status):
		return fmt.Errorf("its deployment %s has %s", last.Facts.DeploymentID, last.Facts.Status)
	}
	return nil
}

// again makes the run that the journal tells of.
func (g *global) again(ctx context.Context, id string, entries []run.Entry) (*run.Run, error) {
	if err := resumable(entries); err != nil {
		return nil, fault.New(fault.Usage, "start a new run", "run %s cannot be resumed: %w", id, err)
	}
	start := entries[0].Start
	g.Local, g.Region, g.Profile = g.Local || start.Local, first(g.Region, start.Region), first(g.Profile, start.Profile)
	c, err := startedWith(start)
	if err != nil {
		return nil, fmt.Errorf("the configuration of run %s: %w", id, err)
	}
	a, err := g.clients(ctx, c)
	if err != nil {
		return nil, err
	}
	r := g.show(&run.Run{ID: id, Config: c, AWS: a, Options: *start.Options, Report: term.NewReporter(g.Streams), Start: start, Tried: true})
	for _, e := range entries {
		if e.Facts != nil {
			r.Facts = *e.Facts
		}
	}
	return r, nil
}

// startedWith is the configuration that a run was started with.
func startedWith(s *run.Start) (*config.Config, error) {
	if s.Bundle == nil {
		return config.Load(s.File)
	}
	return unpacked(filepath.Dir(s.File), s.Bundle)
}
