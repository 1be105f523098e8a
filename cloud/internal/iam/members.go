package iam

import "reflect"

// inner returns a member of an SDK input that is a structure itself, nil if it is absent.
func inner(in any, name string) any {
	v := memberOf(in, name)
	if v.Kind() == reflect.Pointer && !v.IsNil() && v.Elem().Kind() == reflect.Struct {
		return v.Interface()
	}
	return nil
}

func memberOf(in any, name string) reflect.Value {
	v := reflect.ValueOf(in)
	for v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return reflect.Value{}
	}
	return v.FieldByName(name)
}

func hasMember(in any, name string) bool { return memberOf(in, name).IsValid() }

// texts reads a member that is a text or a list of texts; absent ones and others are none.
func texts(in any, name string) []string {
	v := memberOf(in, name)
	if v.Kind() == reflect.Pointer && !v.IsNil() {
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.String && v.String() != "":
		return []string{v.String()}
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.String:
		var out []string
		for i := range v.Len() {
			out = append(out, v.Index(i).String())
		}
		return out
	}
	return nil
}

// eachText reads a text member of every structure in a list.
func eachText(in any, list, name string) []string {
	v := memberOf(in, list)
	if v.Kind() != reflect.Slice {
		return nil
	}
	var out []string
	for i := range v.Len() {
		out = append(out, texts(v.Index(i).Interface(), name)...)
	}
	return out
}

// tagsOf reads the tags of a request, however its service's SDK writes them.
func tagsOf(in any) map[string]string {
	out := map[string]string{}
	v := memberOf(in, "Tags")
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			tag := v.Index(i).Interface()
			if key := texts(tag, "Key"); len(key) > 0 {
				out[key[0]] = first(texts(tag, "Value"), "")
			}
		}
	case reflect.Map:
		if m, ok := v.Interface().(map[string]string); ok {
			return m
		}
	}
	return out
}
