package cli

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/turnoutdev/turnout/cloud"
	"github.com/turnoutdev/turnout/internal/diff"
	"github.com/turnoutdev/turnout/internal/doctor"
	"github.com/turnoutdev/turnout/internal/history"
	"github.com/turnoutdev/turnout/internal/oneoff"
	"github.com/turnoutdev/turnout/internal/probe"
	"github.com/turnoutdev/turnout/internal/provision"
	"github.com/turnoutdev/turnout/internal/status"
	"github.com/turnoutdev/turnout/internal/subject"
	"github.com/turnoutdev/turnout/internal/tail"
	"github.com/turnoutdev/turnout/internal/watch"
)

// TestFieldsOfJSON spells the fields of --json again: whoever changes one changes what
// users' scripts read.
func TestFieldsOfJSON(t *testing.T) {
	for want, v := range map[string]any{
		"time region cluster service status controller strategy launchType desired running pending application deploymentGroup taskDefinition listeners parts deployment events missing": status.Status{},
		"id role taskDefinition images desired running pending failed state reason weight targetGroup targets created":                                                                   status.Part{},
		"id active status creator config description waits created completed error lifecycle":                                                                                            status.Deployment{},
		"name status took":                   status.Step{},
		"address state reason":               status.Target{},
		"listenerArn port test weights":      subject.Route{},
		"targetGroup targetGroupArn percent": subject.Weight{},
		"action service cluster deploymentId status rollbackId rollbackStatus previous taskDefinition listeners ok error hint exitCode": verdict{},
		"service from to same changes": difference{},
		"path op before after masked":  diff.Change{},
		"id status taskDefinition images creator registeredBy config description created completed took rolledBackBy takesBack error": history.Entry{},
		"time task container message logGroup logStream":                                           tail.Line{},
		"task taskDefinition container status exitCode stopCode reason containers started stopped": oneoff.Result{},
		"name exitCode reason":                     oneoff.Container{},
		"for seconds tasks":                        waited{},
		"task status reason exitCodes":             taskEnding{},
		"url ok error attempts":                    verified{},
		"time took status error":                   probe.Attempt{},
		"ok error hint exitCode":                   failure{},
		"version commit date modified go platform": built{},
		"endpoint console region account driver timeScale tls ca process log": running{},
		"ended endpoint process": ended{},
		"reset":                  wasReset{},
		"file bytes":             snapshot{},
		"ended":                  cleared{},
		"file changed leftOut output taskDefinition": rendered{},
		"service controller deployments":             past{},
		"written dryRun":                             wrote{},
		"written":                                    pages{},
		"file changed dryRun notes":                  mirrored{},
		"deleted kept dryRun":                        deprovisioned{},
		"kind name kept":                             provision.Item{},
		"made kept":                                  provisioned{},
		"environment account console listeners tls":  surroundings{},
		"endpoint ca":                                secured{},
		"loadBalancer port address":                  listener{},
		"verb about":                                 hasSchema{},
		"severity check what where why fix":          doctor.Finding{},
		"account caller checks findings":             doctor.Report{},
		"time kind deploymentId name status took blue green running desired message detail": watch.Event{},
		"id kind service operation rate skip count delay hit":                               cloud.Fault{},
	} {
		got := fields(reflect.TypeOf(v))
		if s := strings.Join(got, " "); s != want {
			t.Errorf("%T:\n%s\nwant\n%s", v, s, want)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatal(err)
		}
		for k := range m {
			if !slices.Contains(got, k) {
				t.Errorf("%T has %s besides", v, k)
			}
		}
	}
}

// fields are the JSON names of a struct's fields, those of embedded structs in their place.
func fields(t reflect.Type) []string {
	var out []string
	for i := range t.NumField() {
		f := t.Field(i)
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		switch {
		case f.Anonymous && name == "":
			e := f.Type
			if e.Kind() == reflect.Pointer {
				e = e.Elem()
			}
			out = append(out, fields(e)...)
		case name != "":
			out = append(out, name)
		}
	}
	return out
}
