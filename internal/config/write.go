package config

import (
	"reflect"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
)

// Schema is the line that tells editors where turnout.yml's schema is.
const Schema = "# yaml-language-server: $schema=https://raw.githubusercontent.com/turnoutdev/turnout/main/docs/turnout.schema.json\n"

// Marshal writes c as a turnout.yml: what differs from the defaults, and the names that a
// reader wants to see, service and cluster.
func Marshal(c *Config) ([]byte, error) {
	base := fresh(c.File)
	base.Service, base.Cluster, base.Image.Context = c.Service, c.Cluster, c.Image.Context
	base.defaults()
	base.Service, base.Cluster, base.Image.Context = "", "", "."
	out := differing(reflect.ValueOf(*c), reflect.ValueOf(*base))
	b, err := yaml.MarshalWithOptions(out, yaml.IndentSequence(true))
	if err != nil {
		return nil, err
	}
	return append([]byte(Schema), b...), nil
}

// Blank is a configuration that nothing has been said in yet; file is where it will stand.
func Blank(file string) *Config { return fresh(file) }

// Complete fills in the defaults of a configuration that was not read from a file, and
// checks it as if it had been.
func (c *Config) Complete() error {
	c.defaults()
	src, err := Marshal(c)
	if err != nil {
		return err
	}
	_, err = Parse(c.File, src)
	return err
}

// differing are the keys whose values are not those of base. Zero values are left out,
// but for durations: no wait is a wait of its own.
func differing(v, base reflect.Value) yaml.MapSlice {
	var out yaml.MapSlice
	for i := range v.NumField() {
		key, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("yaml"), ",")
		f, b := v.Field(i), base.Field(i)
		if key == "-" {
			continue
		}
		if f.Kind() == reflect.Struct {
			if inner := differing(f, b); len(inner) > 0 {
				out = append(out, yaml.MapItem{Key: key, Value: inner})
			}
			continue
		}
		d, isDuration := f.Interface().(time.Duration)
		switch {
		case reflect.DeepEqual(f.Interface(), b.Interface()):
		case isDuration:
			out = append(out, yaml.MapItem{Key: key, Value: Duration(d)})
		case !f.IsZero():
			out = append(out, yaml.MapItem{Key: key, Value: f.Interface()})
		}
	}
	return out
}

// Duration writes a duration without the units that are zero: 5m, 1h30m, 0s.
func Duration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
