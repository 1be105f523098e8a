package provision

import (
	"context"
	"fmt"

	"github.com/turnoutdev/turnout/internal/fault"
)

// Item is one thing of the service's infrastructure that stands.
type Item struct {
	Kind string `json:"kind"`
	Name string `json:"name"`
	// Kept is why it is not deleted, "" if it is.
	Kept string `json:"kept,omitempty"`

	remove func(context.Context) error
}

// foreign is why most things are kept.
const foreign = "not made by turnout provision for this service"

// Inventory finds what stands of what Base and Service make, in the order in which it can
// be deleted. It changes nothing. What provisioning did not make has a reason to be kept;
// with all it is deleted too, unless others use it.
func (p *Provisioner) Inventory(ctx context.Context, all bool) ([]Item, error) {
	var out []Item
	for _, step := range []struct {
		what string
		find func(context.Context) ([]Item, error)
	}{
		{"deployment group", p.findGroup},
		{"application", p.findApplication},
		{"service", p.findService},
		{"load balancer", p.findBalancer},
		{"target groups", p.findTargetGroups},
		{"cluster", p.findCluster},
		{"task definition", p.findDefinitions},
		{"log groups", p.findLogGroups},
		{"repository", p.findRepository},
		{"roles", p.findRoles},
	} {
		items, err := step.find(ctx)
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", step.what, err)
		}
		for _, i := range items {
			if i.Kept == foreign && all {
				i.Kept = ""
			}
			out = append(out, i)
		}
	}
	together(out)
	return out, nil
}

// users are the kinds that use others: while one of them stays, what it uses stays.
var users = map[string][]string{
	"deployment group": {"service"}, "application": {"deployment group"}, "listener": {"service"}, "load balancer": {"listener"},
	"target group": {"service", "listener"}, "cluster": {"service"}, "task definition": {"service"}, "log group": {"service"},
	"repository": {"service"}, "role": {"service", "deployment group"},
}

// together keeps what is used by something that is kept, which may stand further down.
func together(items []Item) {
	stays := map[string]string{}
	for range 2 {
		for n := range items {
			i := &items[n]
			for _, user := range users[i.Kind] {
				if name := stays[user]; name != "" && i.Kept == "" {
					i.Kept = fmt.Sprintf("the %s %s stays", user, name)
				}
			}
			if i.Kept != "" {
				stays[i.Kind] = i.Name
			}
		}
	}
}

// Remove deletes what has no reason to be kept, in the inventory's order. What is gone
// already is no error, so a removal that was interrupted is finished by the next one.
func (p *Provisioner) Remove(ctx context.Context, items []Item) error {
	for _, i := range items {
		if i.Kept != "" {
			continue
		}
		if err := i.remove(ctx); err != nil {
			return fault.New(fault.Code(err), "run it again: what is gone already is no matter", "delete %s %s: %w", i.Kind, i.Name, err)
		}
		p.tell(i.Kind, i.Name, false)
	}
	return nil
}

// item makes an Item that is kept unless it is owned.
func item(kind, name string, owned bool, remove func(context.Context) error) Item {
	i := Item{Kind: kind, Name: name, remove: remove}
	if !owned {
		i.Kept = foreign
	}
	return i
}
