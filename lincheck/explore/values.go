package explore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
)

// valuesOf are the values that an argument of a type is chosen from.
func (c *Type[T]) valuesOf(t reflect.Type) (values []any) {
	for _, v := range c.Values {
		if reflect.TypeOf(v) == t {
			values = append(values, v)
		}
	}
	if len(values) > 0 {
		return values
	}
	as := func(list ...any) {
		for _, v := range list {
			values = append(values, reflect.ValueOf(v).Convert(t).Interface())
		}
	}
	switch t.Kind() {
	case reflect.Bool:
		as(false, true)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64,
		reflect.Float32, reflect.Float64:
		as(1, 2)
	case reflect.String:
		as("a", "b")
	case reflect.Interface:
		switch {
		case t == reflect.TypeFor[context.Context]():
			return []any{context.Background()}
		case t == reflect.TypeFor[error]():
			return []any{nil, errValue}
		case t.NumMethod() == 0:
			return []any{1, 2}
		}
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Uint8 {
			as([]byte("a"), []byte("b"))
		}
	}
	return values
}

var errValue = errors.New("some error")

// describe is a value as it stands in a program. Two results are the same if this is.
func describe(v any) string {
	switch v := v.(type) {
	case nil:
		return "nil"
	case string:
		return fmt.Sprintf("%q", v)
	case context.Context:
		return "ctx"
	case error:
		return fmt.Sprintf("error(%q)", v.Error())
	case Panicked:
		return v.String()
	}
	r := reflect.ValueOf(v)
	if k := r.Kind(); k == reflect.Pointer && !r.IsNil() && r.Elem().Kind() != reflect.Struct {
		return "&" + describe(r.Elem().Interface())
	}
	return fmt.Sprintf("%+v", v)
}

// describeAll is the results of an operation.
func describeAll(results []any) string {
	parts := make([]string, len(results))
	for i, v := range results {
		parts[i] = describe(v)
	}
	return strings.Join(parts, ", ")
}
