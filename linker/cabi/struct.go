package cabi

import (
	"encoding/binary"
	"fmt"
	"math"
	"reflect"

	"github.com/lockstep-wasm/lockstep/linker"
)

// TypeError says that a Go type has no C type: strings, slices, maps, int and uint have none.
// Pointers are [Pointer].
type TypeError struct{ Type reflect.Type }

// Error implements the error interface.
func (e *TypeError) Error() string {
	return fmt.Sprintf(
		"cabi: Go's %s has no C type: use integers and floats with a size, Pointer, arrays and "+
			"structs",
		e.Type,
	)
}

// layout is the size and alignment of a C type, in bytes.
func layout(t reflect.Type) (size, align uint32, err error) {
	switch t.Kind() {
	case reflect.Bool, reflect.Int8, reflect.Uint8:
		return 1, 1, nil
	case reflect.Int16, reflect.Uint16:
		return 2, 2, nil
	case reflect.Int32, reflect.Uint32, reflect.Float32:
		return 4, 4, nil
	case reflect.Int64, reflect.Uint64, reflect.Float64:
		return 8, 8, nil
	case reflect.Array:
		size, align, err := layout(t.Elem())
		return size * uint32(t.Len()), align, err
	case reflect.Struct:
		align = 1
		for i := range t.NumField() {
			s, a, err := layout(t.Field(i).Type)
			if err != nil {
				return 0, 0, err
			}
			size = up(size, a) + s
			align = max(align, a)
		}
		return up(size, align), align, nil
	}
	return 0, 0, &TypeError{t}
}

func up(n, align uint32) uint32 { return (n + align - 1) / align * align }

// Size returns the size of the C type that T is, in bytes, with padding as a C compiler has it.
func Size[T any]() (uint32, error) {
	size, _, err := layout(reflect.TypeFor[T]())
	return size, err
}

// Read reads a value of C from the memory: an integer, a float, an array, or a struct with exported
// fields in the order of the C struct. The error is an *AddressError or a *TypeError.
func Read[T any](g *linker.Group, at Pointer) (T, error) {
	var v T
	size, err := Size[T]()
	if err != nil {
		return v, err
	}
	data, err := Bytes(g, at, size)
	if err != nil {
		return v, err
	}
	get(reflect.ValueOf(&v).Elem(), data)
	return v, nil
}

// Write writes a value of C into the memory. Padding becomes zero.
func Write[T any](g *linker.Group, at Pointer, v T) error {
	size, err := Size[T]()
	if err != nil {
		return err
	}
	data := make([]byte, size)
	set(reflect.ValueOf(v), data)
	return Put(g, at, data)
}

// parts calls f with each element of an array, or each field of a struct, and where it lies.
func parts(v reflect.Value, f func(part reflect.Value, at uint32)) {
	at := uint32(0)
	count, part := v.NumField, v.Field
	if v.Kind() == reflect.Array {
		count, part = v.Len, v.Index
	}
	for i := range count() {
		size, align, _ := layout(part(i).Type())
		at = up(at, align)
		f(part(i), at)
		at += size
	}
}

func get(v reflect.Value, data []byte) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(data[0] != 0)
	case reflect.Int8:
		v.SetInt(int64(int8(data[0])))
	case reflect.Int16:
		v.SetInt(int64(int16(binary.LittleEndian.Uint16(data))))
	case reflect.Int32:
		v.SetInt(int64(int32(binary.LittleEndian.Uint32(data))))
	case reflect.Int64:
		v.SetInt(int64(binary.LittleEndian.Uint64(data)))
	case reflect.Uint8:
		v.SetUint(uint64(data[0]))
	case reflect.Uint16:
		v.SetUint(uint64(binary.LittleEndian.Uint16(data)))
	case reflect.Uint32:
		v.SetUint(uint64(binary.LittleEndian.Uint32(data)))
	case reflect.Uint64:
		v.SetUint(binary.LittleEndian.Uint64(data))
	case reflect.Float32:
		v.SetFloat(float64(math.Float32frombits(binary.LittleEndian.Uint32(data))))
	case reflect.Float64:
		v.SetFloat(math.Float64frombits(binary.LittleEndian.Uint64(data)))
	default:
		parts(v, func(part reflect.Value, at uint32) { get(part, data[at:]) })
	}
}

func set(v reflect.Value, data []byte) {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			data[0] = 1
		}
	case reflect.Int8:
		data[0] = byte(v.Int())
	case reflect.Int16:
		binary.LittleEndian.PutUint16(data, uint16(v.Int()))
	case reflect.Int32:
		binary.LittleEndian.PutUint32(data, uint32(v.Int()))
	case reflect.Int64:
		binary.LittleEndian.PutUint64(data, uint64(v.Int()))
	case reflect.Uint8:
		data[0] = byte(v.Uint())
	case reflect.Uint16:
		binary.LittleEndian.PutUint16(data, uint16(v.Uint()))
	case reflect.Uint32:
		binary.LittleEndian.PutUint32(data, uint32(v.Uint()))
	case reflect.Uint64:
		binary.LittleEndian.PutUint64(data, v.Uint())
	case reflect.Float32:
		binary.LittleEndian.PutUint32(data, math.Float32bits(float32(v.Float())))
	case reflect.Float64:
		binary.LittleEndian.PutUint64(data, math.Float64bits(v.Float()))
	default:
		parts(v, func(part reflect.Value, at uint32) { set(part, data[at:]) })
	}
}
