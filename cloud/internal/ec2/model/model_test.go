package model_test

import (
	"context"
	"reflect"
	"slices"
	"testing"

	sdk "github.com/aws/aws-sdk-go-v2/service/ec2"

	"github.com/turnoutdev/turnout/cloud/internal/ec2"
)

// Each operation's shapes are those of the pinned SDK: the same members, of the same types.
func TestShapesAreTheSDKs(t *testing.T) {
	client := reflect.TypeFor[*sdk.Client]()
	service := reflect.TypeFor[*ec2.Service]()
	operations := 0
	for ours := range service.Methods() {
		theirs, ok := client.MethodByName(ours.Name)
		if !ok || ours.Type.NumIn() != 4 || ours.Type.In(1) != reflect.TypeFor[context.Context]() {
			continue
		}
		operations++
		seen := map[reflect.Type]bool{}
		same(t, ours.Type.In(2), theirs.Type.In(2), seen)
		same(t, ours.Type.Out(0), theirs.Type.Out(0), seen)
	}
	if operations < 39 {
		t.Errorf("only %d operations were compared", operations)
	}
}

// same compares two types by their names and structure.
func same(t *testing.T, ours, theirs reflect.Type, seen map[reflect.Type]bool) {
	if ours.Name() != theirs.Name() || ours.Kind() != theirs.Kind() {
		t.Errorf("%v stands for %v", ours, theirs)
		return
	}
	if seen[ours] {
		return
	}
	seen[ours] = true
	switch ours.Kind() {
	case reflect.Pointer, reflect.Slice:
		same(t, ours.Elem(), theirs.Elem(), seen)
	case reflect.Map:
		same(t, ours.Key(), theirs.Key(), seen)
		same(t, ours.Elem(), theirs.Elem(), seen)
	case reflect.Struct:
		if ours.PkgPath() == "time" {
			return
		}
		if a, b := members(ours), members(theirs); !slices.Equal(a, b) {
			t.Errorf("%s has the members %v, the SDK's %v", ours.Name(), a, b)
			return
		}
		for _, name := range members(ours) {
			a, _ := ours.FieldByName(name)
			b, _ := theirs.FieldByName(name)
			same(t, a.Type, b.Type, seen)
		}
	}
}

// members are the names of a shape's members.
func members(s reflect.Type) (names []string) {
	for _, f := range reflect.VisibleFields(s) {
		if f.IsExported() && len(f.Index) == 1 && f.Name != "ResultMetadata" {
			names = append(names, f.Name)
		}
	}
	slices.Sort(names)
	return names
}
