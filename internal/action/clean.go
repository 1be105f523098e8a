package action

import (
	"slices"
	"strings"

	"github.com/turnoutdev/turnout/internal/document"
	"github.com/turnoutdev/turnout/internal/taskdef"
)

// cleaner takes out of a task definition what the official action takes out, nulls,
// empty strings, lists and objects, because documents rely on it (`"taskRoleArn": ""`).
// But where an empty string means something it stays: in ["sh", "-c", ""] and in a label.
type cleaner struct {
	keep []string // keys whose values stay even when they are empty
	gone []string // paths that went
}

// Where empty strings mean something: members, all members of a map, items of a list.
var (
	meansMember = []string{"containerDefinitions.environment.value", "tags.value", "proxyConfiguration.properties.name", "proxyConfiguration.properties.value"}
	meansMap    = []string{
		"containerDefinitions.dockerLabels", "containerDefinitions.logConfiguration.options", "containerDefinitions.firelensConfiguration.options",
		"volumes.dockerVolumeConfiguration.driverOpts", "volumes.dockerVolumeConfiguration.labels",
	}
	meansItem = []string{"containerDefinitions.command", "containerDefinitions.entryPoint", "containerDefinitions.healthCheck.command"}
)

// clean cleans n, which stands at path, and tells whether it stays.
func (c *cleaner) clean(n *document.Node, path string) bool {
	switch n.Kind {
	case document.Null:
		return false
	case document.String:
		return n.Text != "" || slices.Contains(meansMember, path)
	case document.Array:
		return c.items(n, path)
	case document.Object:
		inMap := slices.Contains(meansMap, path)
		without(n, func(m document.Member) bool {
			at := strings.TrimPrefix(path+"."+m.Key, ".")
			stays := c.clean(m.Value, at) || slices.Contains(c.keep, m.Key) || (inMap && m.Value.Kind == document.String)
			if !stays {
				c.gone = append(c.gone, at)
			}
			return !stays
		})
		return len(n.Members) > 0
	}
	return true
}

func (c *cleaner) items(n *document.Node, path string) bool {
	words := slices.Contains(meansItem, path) && slices.ContainsFunc(n.Items, func(i *document.Node) bool { return i.String() != "" })
	kept := n.Items[:0:0]
	for _, i := range n.Items {
		if c.clean(i, path) && !c.hollow(i) || (words && i.Kind == document.String) {
			kept = append(kept, i)
		}
	}
	n.Items = kept
	return len(kept) > 0
}

// hollow tells whether nothing is in n at all, whatever an empty string may mean there.
func (c *cleaner) hollow(n *document.Node) bool {
	switch n.Kind {
	case document.Null:
		return true
	case document.String:
		return n.Text == ""
	case document.Array:
		return !slices.ContainsFunc(n.Items, func(i *document.Node) bool { return !c.hollow(i) })
	case document.Object:
		return !slices.ContainsFunc(n.Members, func(m document.Member) bool { return slices.Contains(c.keep, m.Key) || !c.hollow(m.Value) })
	}
	return false
}

// complete gives environment entries, and App Mesh's properties, the value that ECS wants
// to see even if it is empty.
func complete(root *document.Node) {
	fill := func(list *document.Node, keys ...string) {
		if list == nil {
			return
		}
		for _, e := range list.Items {
			for _, k := range keys {
				if v := e.Get(k); e.Kind == document.Object && (v == nil || v.Kind == document.Null) {
					set(e, k, text(""))
				}
			}
		}
	}
	if c := root.Get("containerDefinitions"); c != nil {
		for _, d := range c.Items {
			fill(d.Get("environment"), "value")
		}
	}
	if p := root.Get("proxyConfiguration"); p.Get("type").String() == "APPMESH" {
		fill(p.Get("properties"), "name", "value")
	}
}

// registrable is the document as RegisterTaskDefinition is to get it. What ECS sets
// itself is left out with a warning; so are fields that it is not known to have, which
// are sent all the same.
func (j *Job) registrable(td *taskdef.TaskDefinition, keep []string) ([]byte, error) {
	for _, u := range td.Unknown() {
		n := note(u.Message + " (" + u.Hint + ")")
		n.File, n.Line, n.Column = j.shown(u.File), u.Line, u.Column
		j.Warning(n)
	}
	b, err := td.JSON()
	if err != nil {
		return nil, err
	}
	d, err := document.Parse(td.File(), b)
	if err != nil {
		return nil, err
	}
	c := &cleaner{keep: keep}
	c.clean(d.Root, "")
	if len(c.gone) > 0 {
		j.Debug("left out, being empty: %s", strings.Join(c.gone, ", "))
	}
	gone := without(d.Root, func(m document.Member) bool { return slices.Contains(taskdef.ReadOnly, m.Key) })
	for _, key := range gone {
		n := note("the field \"" + key + "\" is left out: ECS sets it itself and refuses it when registering")
		n.File = j.shown(td.File())
		j.Warning(n)
	}
	complete(d.Root)
	return toJSON(d.Root, ""), nil
}
